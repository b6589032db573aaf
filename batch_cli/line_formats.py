"""The lines and documents that batch-cli reads and writes, as JSON Schemas (draft 2020-12) by name."""

from __future__ import annotations

import difflib
from importlib import resources

from batch_cli.errors import UsageError, quoted

NAMES = (
    "openai-request",
    "anthropic-request",
    "google-request",
    "regolo-request",
    "mistral-request",
    "prediction-request",
    "messages",
    "results",
    "manifest",
    "error",
)
"""In the order they are listed; each is a file of `batch_cli/schemas/`, and needs no other."""


def read_schema(name: str) -> bytes:
    """Give the text of a schema, with its examples.

    Raises:
        UsageError: there is none of this name.
    """
    if name not in NAMES:
        close = difflib.get_close_matches(name, NAMES, n=1)
        raise UsageError(
            f"there is no schema {quoted(name)}",
            where=f"did you mean {quoted(close[0])}?" if close else (),
            hint=f"use one of {', '.join(NAMES)}",
        )
    return resources.files("batch_cli").joinpath("schemas", f"{name}.json").read_bytes()
