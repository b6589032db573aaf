"""The scenarios that have a name: documents of the same form as everybody's own."""

from __future__ import annotations

from importlib import resources

from batch_cli.jsonl import loads
from batch_cli.model import JsonObject

BUILT_IN: dict[str, JsonObject] = loads(
    resources.files("batch_cli.serve.scenarios").joinpath("built_in.json").read_bytes()
)
"""By name, in the order in which they are listed; each has a ``description``."""
