"""``batch-cli completion``."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from batch_cli.cli.app import CommandFacts
from batch_cli.cli.context import Context
from batch_cli.errors import ExitCode

FACTS = CommandFacts(
    examples=(
        'eval "$(batch-cli completion bash)"',
        "batch-cli completion zsh > ~/.zfunc/_batch-cli",
        "batch-cli completion fish > ~/.config/fish/completions/batch-cli.fish",
    ),
    exits=(),
    details="It only prints; no start-up file is ever changed.",
)


class Shell(enum.StrEnum):
    """The shells there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


def run(context: Context, shell: Annotated[Shell, typer.Argument(help="The shell.")]) -> ExitCode:
    """Print the completion script for a shell."""
    from typer import completion  # noqa: PLC0415 - kept out of --help

    script = completion.get_completion_script(  # type: ignore[attr-defined]  # public in its docs, not in __all__
        prog_name="batch-cli", complete_var="_BATCH_CLI_COMPLETE", shell=shell.value
    )
    context.console.line(script)
    return ExitCode.OK
