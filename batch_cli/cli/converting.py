"""How ``convert`` turns its options into an order for the core, and its outcome into words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from batch_cli.cli.context import Context
from batch_cli.cli.inputs import is_same_file, opener
from batch_cli.cli.output_names import file_for
from batch_cli.cli.text import one_line, plural, size
from batch_cli.dialects.neutral import MESSAGES
from batch_cli.errors import ExitCode, UsageError
from batch_cli.jobs.check import guess_provider, looks_like_messages
from batch_cli.jobs.conversion import Conversion
from batch_cli.jobs.convert import ConvertedFile, ConvertOrder, convert_file, convert_to
from batch_cli.messages import MessagesForm, MessagesOptions
from batch_cli.model import JsonObject
from batch_cli.providers import REGISTRY, entry, load_codec

_MOST_MODELS = 3
_MESSAGES = "messages"
"""What `create` reads, as a name beside those of the providers."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options say."""

    to: str
    source: str | None
    """None: to be guessed."""
    output: str
    """``-`` is standard output."""
    model: str | None
    strict: bool = False


def convert(context: Context, path: str, wanted: Wanted) -> ExitCode:
    """Convert a file and say what was lost."""
    console = context.console
    for name in filter(None, (wanted.to, wanted.source)):
        if name != _MESSAGES:
            entry(name, services=context.services)
    model = _model_for(wanted)
    if wanted.output == "-" and console.json:
        raise UsageError("--json needs a file: standard output carries the lines", hint="add -o FILE")
    if is_same_file(path, wanted.output):
        raise UsageError("the file and the output are the same file", hint="choose another name for -o")
    open_file, name = opener(path, console)
    form = MessagesForm.of(None if path == "-" else Path(path), None)
    source = wanted.source or (
        _MESSAGES
        if form is not MessagesForm.JSONL or looks_like_messages(open_file)
        else guess_provider(open_file)
    )
    conversion = Conversion(
        None if source == _MESSAGES else load_codec(source, context.services),
        MESSAGES if wanted.to == _MESSAGES else load_codec(wanted.to, context.services),
        model,
        messages=MessagesOptions(form=form),
    )
    if wanted.source is None:
        console.say(f"{name}: read as {_title(conversion)} format", detail=True)
    order = ConvertOrder(open_file, name, conversion, wanted.strict, hashed=console.json)
    with context.workspace() as workspace:
        if wanted.output == "-":
            converted = convert_to(workspace, order, console)
        else:
            with file_for(context, wanted.output) as output:
                converted = convert_file(workspace, order, output)
    _tell(context, converted, conversion, wanted)
    if console.json:
        console.document("convert", _document(converted, wanted, source))
    return ExitCode.OK


def _model_for(wanted: Wanted) -> str | None:
    """Give the model's name without our prefix.

    Raises:
        UsageError: it is the name of another provider's model, or empty.
    """
    if wanted.model is None:
        return None
    prefix, slash, name = wanted.model.partition("/")
    if slash and prefix != wanted.to and prefix in REGISTRY:
        raise UsageError(f"--to says {wanted.to}, --model says {prefix}", hint=f"name a model of {wanted.to}")
    model = name if slash and prefix == wanted.to else wanted.model
    if not model.strip():
        raise UsageError("--model is empty", hint="leave it out, or name a model")
    return model


def _tell(context: Context, converted: ConvertedFile, conversion: Conversion, wanted: Wanted) -> None:
    console, written = context.console, converted.written
    for lost in converted.lost:
        console.say(one_line(lost.sentence))
    if wanted.model is None and conversion.source is not conversion.target:
        _warn_of_models(context, list(converted.read.models), conversion)
    where = "" if wanted.output == "-" else f" to {wanted.output}"
    console.say(
        f"{plural(written.requests, 'request')} written{where} in {conversion.target.title} format"
        f" ({size(written.bytes)})"
    )


def _warn_of_models(context: Context, models: list[str], conversion: Conversion) -> None:
    if not models:
        return
    target = conversion.target
    shown = ", ".join(one_line(model, 64) for model in models[:_MOST_MODELS])
    shown += ", …" if len(models) > _MOST_MODELS else ""
    if target.model_of(target.with_model({}, "any")) is None:
        context.console.warn(
            f"the model is left out: {shown}",
            hint="name one when the messages are used, with --model"
            if target is MESSAGES
            else f"{target.title} takes it with the batch, not in its lines",
        )
    else:
        context.console.warn(
            f"the model is still {_title(conversion)}'s: {shown}", hint="name another with --model NAME"
        )


def _title(conversion: Conversion) -> str:
    return conversion.source.title if conversion.source else _MESSAGES


def _document(converted: ConvertedFile, wanted: Wanted, source: str) -> JsonObject:
    written = converted.written
    return {
        "files": [
            {
                "path": wanted.output,
                "requests": written.requests,
                "bytes": written.bytes,
                "sha256": written.sha256,
            }
        ],
        "from": source,
        "to": wanted.to,
        "losses": [
            {
                "path": lost.path,
                "change": lost.change,
                "reason": lost.reason,
                "lines": lost.lines,
                "first_line": lost.first_line,
            }
            for lost in converted.lost
        ],
    }
