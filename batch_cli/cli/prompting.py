"""Prompts as they are typed: one request for each ``--prompt``, and prompts with their answers for a person to read."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from batch_cli.cli.console import Console
from batch_cli.cli.submitting import Source
from batch_cli.cli.text import safe
from batch_cli.errors import UsageError
from batch_cli.jsonl import dumps
from batch_cli.messages import MessagesOptions
from batch_cli.results import OutputRow, Summary
from batch_cli.writers.base import Shape

_NAME = "--prompt"
_SUFFIXES = (".txt", ".csv", ".tsv", ".json")
_INDENT = "\n  "


def is_file_of_prompts(file: str | None, column: str | None, *, lines: bool) -> bool:
    """Tell by its name and its options whether a file holds prompts and nothing else, as gen_ai's users have them."""
    named = file is not None and Path(file).suffix.lower() in _SUFFIXES
    return lines or column is not None or named


def source(prompts: Sequence[str], messages: MessagesOptions) -> Source:
    """Give the requests that ask the prompts, in their order.

    Raises:
        UsageError: one of them is no UTF-8.
    """
    try:
        lines = b"".join(dumps({"prompt": prompt}) + b"\n" for prompt in prompts)
    except TypeError as error:
        raise UsageError(f"{_NAME} must be UTF-8", hint="set a UTF-8 locale") from error
    return Source(lambda: io.BytesIO(lines), _NAME, messages)


def show_pairs(
    console: Console,
    prompts: Sequence[str],
    rows: Iterable[OutputRow],
    shape: Shape,
    *,
    with_errors: bool,
) -> Summary:
    """Write each prompt with its answer, or with why it has none; rows are in the order of the prompts."""
    summary = Summary()
    for prompt, row in zip(prompts, rows, strict=True):
        summary.add(row)
        if summary.rows > 1:
            console.line("")
        console.line(f"Prompt: {_block(prompt)}")
        if row.error is None:
            said = shape.answer((row.response or {}).get("body"))
            console.line(f"Response: {_block(said.text if said else '')}")
        elif with_errors:
            console.line(f"Error: {_block(row.error.message)}")
            console.line(f"Suggestion: {_block(row.error.suggestion or '')}")
        else:
            console.line("Response: (none)")
    return summary


def _block(text: str) -> str:
    """Give a text whose further lines are indented, so that none of them looks like one of ours."""
    return safe(text, sys.maxsize).replace("\n", _INDENT)
