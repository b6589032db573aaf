"""The commands by name, each loaded only when it is used, and what their help pages look like."""

from __future__ import annotations

import importlib
import inspect
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from batch_cli.cli import options
from batch_cli.cli.console import ColorWhen
from batch_cli.cli.context import Context, SharedOptions
from batch_cli.errors import ExitCode, Stopped

COMMANDS = {
    "create": "Build a request file from messages, or run the ten-prompt demo.",
    "create-from-file": "Submit a request file that is in the provider's own format.",
    "submit": "Check a file in any format and submit it as a batch.",
    "status": "Show how batches stand.",
    "list": "List the batches known here, the newest first.",
    "wait": "Wait until batches have ended.",
    "results": "Write the results: one line per request, in input order.",
    "verify": "Prove that an output is what was written, and answers its requests.",
    "retry": "Send again what has no good answer, or write its requests.",
    "run": "Go from a file to its answers in one line: submit, wait, retry, results.",
    "report": "Show what came of the requests, how long it took and how many tokens.",
    "cancel": "Stop what has not started; keep what is finished.",
    "delete": "Remove a batch and its files.",
    "recover": "Settle submits whose outcome is unknown, and find what they left behind.",
    "validate": "Check request files without sending anything.",
    "convert": "Write a request file in the format of another provider.",
    "list-models": "List the models known here.",
    "schema": "Print the JSON Schema of a line format.",
    "worker": "Start, stop or look at the worker of the local engine.",
    "serve": "Serve the batch APIs of OpenAI, Anthropic and Gemini, with a simulated model.",
    "predict": "Ask models for predictions.",
    "bench": "Measure a prediction server, a chat endpoint or a function.",
    "completion": "Print the completion script for a shell.",
}
"""Every command with its one line of help; `batch_cli.cli.commands.<name>` holds the rest."""

GO_ON = "run the same command again; batch-cli list --local shows where batches stand"
ALIASES = {"watch": "wait", "emulate": "serve"}
_PACKAGE = "batch_cli.cli.commands"
_SETTINGS = {"help_option_names": ["-h", "--help"]}
_SHARED: Mapping[str, tuple[Any, Any]] = {
    "json": (options.Json, False),
    "state_dir": (options.StateDir, None),
    "quiet": (options.Quiet, 0),
    "verbose": (options.Verbose, 0),
    "color": (options.Color, ColorWhen.AUTO),
}
"""The options that every command gets: their annotations and defaults."""


@dataclass(frozen=True, slots=True)
class CommandFacts:
    """What a command's help page says besides its options; ``FACTS`` of its module."""

    examples: Sequence[str]
    exits: Sequence[ExitCode]
    """The codes that mean something particular to it, besides the general ones."""
    details: str = ""


class Command(TyperCommand):
    """A command whose help starts with examples and lists the shared options last, in plain text."""

    facts: CommandFacts

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help page."""
        params = self.get_params(ctx)
        arguments = [param for param in params if param.param_type_name == "argument"]
        usage = [*(param.human_readable_name for param in arguments), "[OPTIONS]"]
        formatter.write_usage(ctx.command_path, " ".join(usage))
        formatter.write_paragraph()
        formatter.write_text((self.help or "").split("\n\n")[0])
        with formatter.section("Examples"):
            for example in self.facts.examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")
        if self.facts.details:
            formatter.write_paragraph()
            formatter.write_text(self.facts.details)
        sections: dict[str, list[tuple[str, str]]] = {
            "Arguments": [],
            "Options": [],
            options.SHARED_PANEL: [],
        }
        for param in params:
            record = param.get_help_record(ctx)
            if record is not None:
                sections[_section_of(param)].append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
        with formatter.section("Exit codes"):
            codes = sorted({ExitCode.OK, *self.facts.exits, ExitCode.USAGE, ExitCode.IO})
            formatter.write_dl([(str(int(code)), code.meaning) for code in codes])


def _section_of(param: Any) -> str:
    if param.param_type_name == "argument":
        return "Arguments"
    if getattr(param, "rich_help_panel", None) or param.name == "help":
        return options.SHARED_PANEL
    return "Options"


class Commands(TyperGroup):
    """The command group: knows every name, loads only the command that is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Give the names in the order of the help page."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Load a command."""
        del ctx
        name = ALIASES.get(cmd_name, cmd_name)
        return load_command(name) if name in COMMANDS else None

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help page from the table, without loading a single command."""
        formatter.write_usage(ctx.command_path, "COMMAND [OPTIONS]")
        formatter.write_paragraph()
        formatter.write_text("Files of model requests in, files of answers out.")
        with formatter.section("The first minute, without a key or a network"):
            for line in (
                "batch-cli create --model local/simulate",
                "batch-cli wait",
                "batch-cli results -o results.jsonl",
            ):
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
        with formatter.section("Options"):
            formatter.write_dl([("-V, --version", "Show the version."), ("-h, --help", "Show this page.")])
        formatter.write_paragraph()
        formatter.write_text("'batch-cli COMMAND --help' starts with examples.")


def load_command(name: str) -> Command:
    """Build one command from its module: its own options, then the shared ones, each with its variable."""
    module = importlib.import_module(f"{_PACKAGE}.{name.replace('-', '_')}")
    app = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=_SETTINGS)
    app.command(name, cls=Command, help=inspect.getdoc(module.run))(_with_shared(name, module.run))
    command = get_command(app)
    if not isinstance(command, Command):
        message = f"{name} is not a plain command"
        raise TypeError(message)
    command.facts = module.FACTS
    for param in command.params:
        if isinstance(param, TyperOption) and param.envvar is None:
            longest = max(param.opts, key=len).lstrip("-")
            param.envvar = f"BATCH_CLI_{longest.replace('-', '_').upper()}"
            param.show_envvar = False
            if param.count:
                param.show_default = False
    return command


def _with_shared(name: str, run: Callable[..., ExitCode]) -> Callable[..., ExitCode]:
    """Give ``run`` the shared options: they reach it as the `Context` that is its first parameter."""
    signature = inspect.signature(run, eval_str=True)
    own = list(signature.parameters.values())[1:]
    shared = [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for key, (kind, default) in _SHARED.items()
    ]
    # Some commands take a shared option that only means something to them, such as --progress.
    names = {field.name for field in fields(SharedOptions)}

    def command(**given: Any) -> ExitCode:
        chosen = {key: given.pop(key) for key in names & given.keys()}
        try:
            return run(Context(name, SharedOptions(**chosen)), **given)
        except KeyboardInterrupt:  # typer would end the program with 130 and no word
            raise Stopped("Stopped.", signal_number=signal.SIGINT, hint=GO_ON) from None

    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in (*own, *shared)]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by inspect.signature
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def build_group() -> Commands:
    """Build the command group."""
    return Commands(name="batch-cli", context_settings=_SETTINGS, rich_markup_mode=None)
