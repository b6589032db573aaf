"""Whether a filled value keeps its schema: known beforehand for the common keywords, checked for all others.

Part of the simulated model.
"""

from __future__ import annotations

from functools import lru_cache

from batch_cli.engine.handlers.simulate.values import Unfillable
from batch_cli.jsonl import dumps, loads
from batch_cli.model import JsonObject, JsonValue

_KEPT = frozenset(
    """
    $ref $defs definitions $schema $id $comment title description default examples deprecated readOnly
    writeOnly type properties required additionalProperties items enum const anyOf minimum maximum
    exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength minItems maxItems format
    propertyOrdering
    """.split()
)
"""Keywords that the rules keep by construction; any other one makes the answer be checked."""


def check(schema: JsonObject, value: JsonValue) -> None:
    """Refuse a value that does not follow its schema; what the rules keep anyway is not looked at again.

    Raises:
        Unfillable: with the first place that is wrong.
    """
    if not _is_kept(dumps(schema)):
        _validate(schema, value)


def refuse_invalid(schema: JsonObject) -> None:
    """Refuse a schema that is none.

    Raises:
        Unfillable: with the first place that is wrong.
    """
    import jsonschema  # noqa: PLC0415 - 105 ms, only for schemas that broke the rules

    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        place = ".".join(str(part) for part in error.absolute_path) or "its root"
        raise Unfillable(f"the schema is not valid at {place}: {error.message}") from error


@lru_cache(maxsize=256)
def _is_kept(schema: bytes) -> bool:
    """Tell whether the rules keep every keyword of a schema, so that checking would be wasted time."""
    return _only_kept(loads(schema))


def _only_kept(node: JsonValue) -> bool:
    if not isinstance(node, dict):
        return isinstance(node, bool)
    if not node.keys() <= _KEPT:
        return False
    if isinstance(node.get("enum"), list) and node.keys() & {"minimum", "maximum", "minLength", "maxLength"}:
        return False
    children = [
        *(part for key in ("properties", "$defs", "definitions") for part in node.get(key, {}).values()),
        *node.get("anyOf", ()),
        *([node["items"]] if "items" in node else ()),
    ]
    if "anyOf" in node and node.keys() & {"type", "properties", "items", "enum", "const"}:
        return False
    return all(_only_kept(child) for child in children)


def _validate(schema: JsonObject, value: JsonValue) -> None:
    import jsonschema  # noqa: PLC0415 - 105 ms, only for schemas with uncommon keywords

    try:
        found = next(jsonschema.Draft202012Validator(schema).iter_errors(value), None)
    except Exception as error:
        raise Unfillable(f"the schema is not valid: {error}") from error
    if found is not None:
        place = ".".join(str(part) for part in found.absolute_path) or "the answer"
        raise Unfillable(f"{place}: {found.message}")
