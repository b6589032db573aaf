"""Structured output: what ``response_format`` says, for dialects that name and mark a schema differently."""

from __future__ import annotations

import re
from dataclasses import dataclass

from batch_cli.dialects.base import Losses, Unsupported
from batch_cli.model import JsonObject, JsonValue

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAMELESS = "answer"
_AT = "response_format.json_schema"


@dataclass(frozen=True, slots=True)
class OutputSchema:
    """The JSON Schema that an answer has to follow, as OpenAI labels it."""

    schema: JsonObject
    name: str
    description: str | None = None
    strict: bool | None = None

    def as_format(self) -> JsonObject:
        """Write it as ``response_format``."""
        label: JsonObject = {"name": self.name}
        if self.description is not None:
            label["description"] = self.description
        if self.strict is not None:
            label["strict"] = self.strict
        return {"type": "json_schema", "json_schema": {**label, "schema": self.schema}}


def take_output(settings: JsonObject) -> tuple[str, OutputSchema | None]:
    """Take ``response_format`` out of the settings: its kind (``text`` where there is none), and its schema.

    Raises:
        Unsupported: it is not what it should be.
    """
    wanted = settings.pop("response_format", None)
    if wanted is None:
        return "text", None
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind in ("text", "json_object"):
        return str(kind), None
    label = wanted.get("json_schema") if kind == "json_schema" else None
    schema = label.get("schema") if isinstance(label, dict) else None
    if not isinstance(label, dict) or not isinstance(schema, dict):
        raise Unsupported(
            "response_format must hold a JSON schema",
            path="response_format",
            hint='write {"type": "json_schema", "json_schema": {"name": …, "schema": {…}}}',
        )
    texts = [label.get(name) for name in ("name", "description")]
    name, description = (text if isinstance(text, str) else None for text in texts)
    strict = label.get("strict")
    return "json_schema", OutputSchema(
        schema, name or _NAMELESS, description, strict if isinstance(strict, bool) else None
    )


def from_bare(schema: JsonObject) -> OutputSchema:
    """Label a schema that came without a label: its title is its name, and it is held to strictly if it can be."""
    title = schema.get("title")
    name = title if isinstance(title, str) and _NAME.fullmatch(title) else _NAMELESS
    return OutputSchema(schema, name, None, strict=True if _is_strict(schema) else None)


def as_bare(output: OutputSchema, losses: Losses, title: str) -> JsonObject:
    """Give the schema for a dialect without labels; the name becomes the schema's title where it has none."""
    schema = output.schema
    if output.description is not None:
        losses.add(f"{_AT}.description", f"{title} takes a schema without a label")
    if "title" not in schema and output.name != _NAMELESS:
        schema = {"title": output.name, **schema}
    if from_bare(schema).name != output.name:
        losses.add(f"{_AT}.name", f"{title} takes a schema without a label")
    return schema


def _is_strict(node: JsonValue) -> bool:
    """Tell whether every object is closed and requires all its properties, as OpenAI's strict mode asks."""
    if isinstance(node, list):
        return all(_is_strict(part) for part in node)
    if not isinstance(node, dict):
        return True
    properties = node.get("properties")
    if node.get("type") == "object" or properties is not None:
        required = node.get("required")
        if node.get("additionalProperties") is not False or not isinstance(required, list):
            return False
        if not isinstance(properties, dict) or any(name not in required for name in properties):
            return False
    holders = (properties, node.get("$defs"))
    named = [part for holder in holders if isinstance(holder, dict) for part in holder.values()]
    return _is_strict(named) and all(_is_strict(node.get(key)) for key in ("items", "anyOf"))
