"""What OpenAI demands of a JSON Schema for structured output, in chat, responses and tools.

Source: openai-openapi 2.3.0 (2026-08-21) for the envelope; the guide "Structured model outputs" for the strict
subset: the root is an object, every object is closed, every property is required (2026-11-21).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from batch_cli.errors import Finding
from batch_cli.model import JsonObject, JsonValue, object_of
from batch_cli.providers.rules import flag, mapping, missing

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_INNER = ("properties", "$defs", "definitions")
"""Keywords whose values are schemas by name."""
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_DEEPEST = 64


def check_response_format(body: JsonObject, path: str) -> Iterator[Finding]:
    """Check the ``response_format`` of a chat body."""
    wanted = object_of(body.get("response_format"))
    here = f"{path}.response_format"
    if wanted.get("type") != "json_schema":
        return
    if "json_schema" not in wanted:
        yield missing(f"{here}.json_schema", '{"name": …, "schema": …}')
    elif found := mapping(wanted["json_schema"], f"{here}.json_schema"):
        yield found
    else:
        yield from _check_named_schema(object_of(wanted["json_schema"]), f"{here}.json_schema", "schema")


def check_text_format(body: JsonObject, path: str) -> Iterator[Finding]:
    """Check the ``text.format`` of a responses body."""
    wanted = object_of(object_of(body.get("text")).get("format"))
    if wanted.get("type") == "json_schema":
        yield from _check_named_schema(wanted, f"{path}.text.format", "schema")


def check_tools(body: JsonObject, path: str) -> Iterator[Finding]:
    """Check the functions among the ``tools`` of a chat body."""
    tools = body.get("tools")
    for at, tool in enumerate(tools if isinstance(tools, list) else ()):
        here = f"{path}.tools[{at}]"
        if not isinstance(tool, dict):
            yield Finding("E302", f"{here} must be an object", here, 'write {"type": "function", …}')
        elif tool.get("type") == "function":
            function = tool.get("function")
            if not isinstance(function, dict):
                yield Finding("E302", f"{here}.function must be an object", here, 'give it a "name"')
            else:
                yield from _check_named_schema(function, f"{here}.function", "parameters", required=False)


def _check_named_schema(
    holder: JsonObject, path: str, field: str, *, required: bool = True
) -> Iterator[Finding]:
    name = holder.get("name")
    if "name" not in holder:
        yield missing(f"{path}.name", "letters, digits, _ and -")
    elif not isinstance(name, str):
        yield Finding("E302", f"{path}.name must be a string", f"{path}.name")
    elif not _NAME.fullmatch(name):
        what = f"{path}.name is not allowed: it may hold only {_NAME.pattern}"
        yield Finding("E304", what, f"{path}.name", "replace the other characters, for example by '_'")
    if found := flag(holder.get("strict"), f"{path}.strict"):
        yield found
    schema, here = holder.get(field), f"{path}.{field}"
    if schema is None:
        if required:
            yield missing(here, "a JSON Schema")
    elif found := mapping(schema, here):
        yield found
    elif holder.get("strict") is True:
        if schema.get("type") != "object":
            yield Finding(
                "E302", f'{here}.type must be "object" in strict mode', here, "wrap it in an object"
            )
        yield from _check_strict(schema, here, 0)


def _check_strict(schema: JsonValue, path: str, depth: int) -> Iterator[Finding]:
    """Find the objects that are open, or that leave a property optional."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return
    if schema.get("type") == "object" or "properties" in schema:
        properties, named = object_of(schema.get("properties")), schema.get("required")
        if schema.get("additionalProperties") is not False:
            yield Finding(
                "E302",
                f"{path}.additionalProperties must be false in strict mode",
                path,
                'add "additionalProperties": false',
            )
        optional = sorted(properties.keys() - set(_texts(named)))
        if optional:
            yield Finding(
                "E301",
                f"missing in {path}.required: {', '.join(optional[:5])} (strict mode wants every property)",
                path,
                'add them, and allow null where there may be no value: "type": ["string", "null"]',
            )
    for keyword in _INNER:
        for name, inner in object_of(schema.get(keyword)).items():
            yield from _check_strict(inner, f"{path}.{keyword}.{name}", depth + 1)
    for keyword in _LISTS:
        inner = schema.get(keyword)
        for at, each in enumerate(inner if isinstance(inner, list) else ()):
            yield from _check_strict(each, f"{path}.{keyword}[{at}]", depth + 1)
    yield from _check_strict(schema.get("items"), f"{path}.items", depth + 1)


def _texts(value: JsonValue) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
