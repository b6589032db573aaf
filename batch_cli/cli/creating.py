"""How ``create`` turns its options into an order for the core, and its outcome into words."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from pathlib import Path

from batch_cli.cli import submitting
from batch_cli.cli.context import Context
from batch_cli.cli.inputs import is_same_file, opener
from batch_cli.cli.output_names import file_for
from batch_cli.cli.text import plural, size
from batch_cli.columns import COLUMNS_SUFFIX
from batch_cli.errors import ExitCode, UsageError
from batch_cli.jobs.create import CreatedFile, CreateOrder, create_file, create_to
from batch_cli.jsonl import dumps
from batch_cli.messages import MessagesForm, MessagesOptions
from batch_cli.model import CHAT, JsonObject, ModelName
from batch_cli.providers import PREDICTORS, load_codec
from batch_cli.providers.base import EncodeOptions
from batch_cli.response_model import load_response_model


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the options say about the requests to write."""

    model: ModelName
    response_model: str | None = None
    max_tokens: int = 1000
    temperature: float = 0.1
    top_p: float | None = None
    endpoint: str | None = None
    extra: JsonObject = field(default_factory=dict)
    strict: bool = True
    id_prefix: str = "request-"
    id_field: str | None = None
    prompt_column: str | None = None
    is_text: bool = False
    """The file holds a prompt on each line, whatever its name."""
    system: str | None = None
    """A system message for what has none of its own."""
    skip: int = 0
    limit: int | None = None

    def encode_options(self) -> EncodeOptions:
        """Give how requests are written; imports the response model."""
        model = None
        if self.response_model is not None:
            model = load_response_model(self.response_model, Path.cwd())
        return EncodeOptions(
            model=self.model.name,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            endpoint=self.endpoint or CHAT,
            response_model=model,
            strict=self.strict,
            extra=self.extra,
        )

    def messages_options(self, path: str) -> MessagesOptions:
        """Give how the messages file is read.

        Raises:
            UsageError: a system message for what is no prompt.
        """
        if self.system and self.model.provider in PREDICTORS:
            raise UsageError(f"--system: {self.model} takes no prompts", hint="leave it out")
        named = None if path == "-" else Path(path)
        return MessagesOptions(
            form=MessagesForm.TEXT if self.is_text else MessagesForm.of(named, self.prompt_column),
            prompt_column=self.prompt_column,
            delimiter="\t" if named is not None and named.suffix.lower() == ".tsv" else ",",
            id_prefix=self.id_prefix,
            id_field=self.id_field,
            system=self.system,
            skip=self.skip,
            limit=self.limit,
        )


def write_file(context: Context, messages_file: str, wishes: Wishes, output: str) -> ExitCode:
    """Write the request file, or its lines to standard output, and say what comes next."""
    open_messages, name = opener(messages_file, context.console)
    codec = load_codec(wishes.model.provider, context.services)
    order = CreateOrder(
        open_messages,
        name,
        wishes.model,
        wishes.encode_options(),
        wishes.messages_options(messages_file),
    )
    console = context.console
    if output == "-":
        created = create_to(order, codec, console)
        console.say(f"{plural(created.requests, 'request')} written ({size(created.bytes)})")
        if created.columns:
            console.warn(
                "the lines hold more than requests, which has no place on standard output and is left out",
                "use -o FILE: it is written to FILE.columns.jsonl, and comes back beside the answers",
            )
        return ExitCode.OK
    if is_same_file(messages_file, output):
        raise UsageError(
            "the messages file and the output are the same file", hint="choose another name for -o"
        )
    with file_for(context, output) as path:
        created = replace(create_file(order, codec, path), path=output)
    console.say(
        f"Batch file created: {output} ({plural(created.requests, 'request')}, {size(created.bytes)})"
    )
    if created.columns:
        console.say(f"Columns of your own: {output}{COLUMNS_SUFFIX}; they come back beside the answers")
    console.say(f"Next: batch-cli create-from-file --file-path {output} --model {wishes.model}")
    if console.json:
        console.document("create", _document(created, wishes))
    else:
        console.line(output)
    return ExitCode.OK


def _document(created: CreatedFile, wishes: Wishes) -> JsonObject:
    return {
        "files": [
            {
                "path": created.path,
                "requests": created.requests,
                "bytes": created.bytes,
                "sha256": created.sha256,
            }
        ],
        "provider": wishes.model.provider,
        "model": wishes.model.name,
        "response_model": wishes.response_model,
        "warnings": [],
    }


def run_demo(context: Context, wishes: Wishes, settings: JsonObject, *, save_id: bool) -> ExitCode:
    """Submit the ten prompts of the demo, each asking for a name and an age."""
    from batch_cli import demo  # noqa: PLC0415 - imports pydantic

    lines = b"".join(dumps([{"role": "user", "content": p}]) + b"\n" for p in demo.PROMPTS)
    context.console.say(
        f"No --messages-file: submitting the demo, {len(demo.PROMPTS)} prompts that name a person and an age."
    )
    if wishes.response_model is None:
        wishes = replace(wishes, response_model="batch_cli.demo:User")
    return submitting.submit_source(
        context,
        submitting.Source(lambda: io.BytesIO(lines), "demo prompts", MessagesOptions(system=wishes.system)),
        wishes.encode_options(),
        wishes.model,
        submitting.Extras(settings=settings, save_id=save_id),
    )
