"""How long small commands take, as a ratio to importing typer, in paired runs.

    python benchmarks/startup.py [RUNS]                default: 21

Promised: --version at most 1.25 times, --help 2.0 times, status --json of the local engine 3.0 times.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BASE = (sys.executable, "-c", "import typer")
COMMANDS = {
    "--version": (("--version",), 1.25),
    "--help": (("--help",), 2.0),
    "submit --help": (("submit", "--help"), 2.0),
    "status --json": (("status", "--json"), 3.0),
}


def main(runs: int) -> None:
    """Print each command's median, the base's median beside it, and the median of the paired ratios."""
    program = shutil.which("batch-cli", path=str(Path(sys.executable).parent))
    start = (program,) if program else (sys.executable, "-m", "batch_cli")
    with tempfile.TemporaryDirectory() as name:
        environment = {**os.environ, "BATCH_CLI_STATE_DIR": f"{name}/state"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def seconds(words: tuple[str, ...]) -> float:
            started = time.perf_counter()
            subprocess.run(words, cwd=name, env=environment, capture_output=True, check=True)
            return time.perf_counter() - started

        demo = (*start, "create", "--model", "local/simulate", "--progress", "none")
        subprocess.run(demo, cwd=name, env=environment, capture_output=True, check=True)
        subprocess.run((*start, "wait"), cwd=name, env=environment, capture_output=True, check=True)
        print(f"{'command':<15} {'ms':>7} {'typer ms':>9} {'ratio':>6} {'allowed':>8}")
        for title, (words, allowed) in COMMANDS.items():
            seconds((*start, *words))
            pairs = [(seconds((*start, *words)), seconds(BASE)) for _ in range(runs)]
            own = statistics.median(pair[0] for pair in pairs) * 1000
            base = statistics.median(pair[1] for pair in pairs) * 1000
            ratio = statistics.median(pair[0] / pair[1] for pair in pairs)
            print(f"{title:<15} {own:>7.0f} {base:>9.0f} {ratio:>6.2f} {allowed:>8.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 21)
