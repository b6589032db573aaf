"""``batch-cli`` and ``python -m batch_cli``: answers ``--version`` at once, leaves the rest to `batch_cli.cli`."""

from __future__ import annotations

import os
import sys

from batch_cli import __version__


def main() -> int:
    """Run the command line and give its exit code."""
    # The import of everything else takes six times as long as this answer.
    if sys.argv[1:] in (["--version"], ["-V"]):
        try:
            os.write(1, f"batch-cli {__version__}\n".encode())
        except BrokenPipeError:
            return 141
        except OSError:  # closed or full: never success
            return 12
        return 0
    import signal  # noqa: PLC0415 - see above

    # Loading takes a while: Ctrl-C ends it as it ends any program, without a traceback through our imports.
    hears_interrupts = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if hears_interrupts:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from batch_cli.cli.main import run  # noqa: PLC0415 - see above

    if hears_interrupts:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
