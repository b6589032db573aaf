"""``batch-cli schema``."""

from __future__ import annotations

from typing import Annotated

import typer

from batch_cli.cli.app import CommandFacts
from batch_cli.cli.context import Context
from batch_cli.errors import ExitCode

FACTS = CommandFacts(
    examples=(
        "batch-cli schema",
        "batch-cli schema openai-request > openai-request.schema.json",
        "batch-cli schema results | jq '.examples[0]'",
    ),
    exits=(),
    details=(
        "JSON Schema, draft 2020-12, with examples: for editors, for code generators, and for tests of your own"
        " programs. What stands between lines, such as ids that must differ, only 'batch-cli validate' can check."
    ),
)


def run(
    context: Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The schema; else a list.")] = None,
) -> ExitCode:
    """Print the JSON Schema of a line format."""
    from batch_cli.cli.tables import Column, Table, show  # noqa: PLC0415 - kept out of --help
    from batch_cli.jsonl import loads  # noqa: PLC0415
    from batch_cli.line_formats import NAMES, read_schema  # noqa: PLC0415

    if name is not None:
        context.console.write(read_schema(name))
        return ExitCode.OK
    schemas = [(each, loads(read_schema(each))) for each in NAMES]
    if context.console.json:
        rows = [{"name": each, "id": schema["$id"], "title": schema["title"]} for each, schema in schemas]
        context.console.document("schemas", {"schemas": rows})
        return ExitCode.OK
    columns = (Column("name", "Schema", whole=True), Column("title", "What it describes"))
    show(
        context.console,
        Table("Schemas", columns, [[each, schema["title"]] for each, schema in schemas]),
        None,
    )
    return ExitCode.OK
