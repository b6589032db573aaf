"""Questions before something is lost: asked only where a person can answer."""

from __future__ import annotations

import sys

from batch_cli.cli.context import Context
from batch_cli.cli.text import one_line
from batch_cli.errors import StateError, UsageError


def confirm(context: Context, question: str, *, yes: bool) -> None:
    """Go on if the person agrees, or has agreed with ``--yes``.

    Raises:
        UsageError: nobody is there to ask.
        StateError: the person said no.
    """
    if yes:
        return
    if not context.may_ask:
        raise UsageError(
            "this needs a yes, and there is no terminal to ask on",
            hint="run the same command with --yes",
        )
    sys.stderr.write(f"{one_line(question)} [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline().strip().lower()
    if answer not in ("y", "yes"):
        raise StateError("nothing was changed", hint="answer 'y' to do it")
