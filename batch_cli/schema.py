"""JSON Schema, converted to what each provider's structured output accepts.

Pure functions that never change the schema they are given.
"""

from __future__ import annotations

import copy

from batch_cli.model import JsonObject, JsonValue


class Inconvertible(Exception):
    """A schema says something that a provider's strict mode cannot; the text names the field."""


def strict_schema(schema: JsonObject) -> JsonObject:
    """Give the form of ``schema`` that OpenAI's strict mode accepts; the source is not touched.

    Every object is closed and requires all its properties, a default of null goes, references with
    neighbours and ``allOf`` of one are inlined. Equal to what the openai SDK sends for the same class.
    Source: openai-python 3.52.0, ``lib/_pydantic.py`` (read 2026-11-21).

    Raises:
        Inconvertible: an object with free keys (``dict[str, int]``), which strict mode has no words for.
    """
    root = copy.deepcopy(schema)
    _make_strict(root, "", root)
    return root


def _make_strict(node: JsonValue, path: str, root: JsonObject) -> None:
    if not isinstance(node, dict):
        return
    _inline_decorated_reference(node, root)
    for key in ("$defs", "definitions"):
        for name, part in node.get(key, {}).items():
            _make_strict(part, f"{path}{key}.{name}.", root)
    if node.get("type") == "object" or "properties" in node:
        _close_object(node, path)
    for name, part in node.get("properties", {}).items():
        _make_strict(part, f"{path}{name}.", root)
    _make_strict(node.get("items"), f"{path}[].", root)
    for key in ("anyOf", "oneOf", "prefixItems"):
        for part in node.get(key, ()):
            _make_strict(part, path, root)
    _inline_single_all_of(node, path, root)
    if "default" in node and node["default"] is None:
        del node["default"]


def _close_object(node: JsonObject, path: str) -> None:
    extra = node.get("additionalProperties", False)
    if extra is not False or node.get("patternProperties"):
        raise Inconvertible(f"{path.rstrip('.') or 'the root'}: an object with free keys has no strict form")
    node["additionalProperties"] = False
    node["required"] = list(node.get("properties", {}))


def _inline_single_all_of(node: JsonObject, path: str, root: JsonObject) -> None:
    parts = node.get("allOf")
    if not isinstance(parts, list):
        return
    if len(parts) == 1:
        _make_strict(parts[0], path, root)
        del node["allOf"]
        node.update(parts[0])
    else:
        for part in parts:
            _make_strict(part, path, root)


def _inline_decorated_reference(node: JsonObject, root: JsonObject) -> None:
    """Replace ``{"$ref": …, "description": …}`` by the target with the neighbours laid over it."""
    reference = node.get("$ref")
    if isinstance(reference, str) and len(node) > 1:
        target = copy.deepcopy(resolve_reference(reference, root))
        del node["$ref"]
        node.update({**target, **node})
        _inline_decorated_reference(node, root)


def resolve_reference(reference: str, root: JsonObject) -> JsonObject:
    """Find the schema that ``#/$defs/Name`` points at.

    Raises:
        Inconvertible: it points outside this schema or at nothing.
    """
    node: JsonValue = root
    if reference != "#" and not reference.startswith("#/"):
        raise Inconvertible(f"{reference}: only references within the schema can be followed")
    for part in reference[2:].split("/") if reference != "#" else ():
        name = part.replace("~1", "/").replace("~0", "~")
        node = node.get(name) if isinstance(node, dict) else None
    if not isinstance(node, dict):
        raise Inconvertible(f"{reference}: nothing is defined there")
    return node


def closed_root_schema(schema: JsonObject) -> JsonObject:
    """Give the form for an Anthropic tool: as it is, with a closed object at the root."""
    return {**copy.deepcopy(schema), "type": "object", "additionalProperties": False}


_GEMINI_TYPES = {
    "string": "STRING",
    "number": "NUMBER",
    "integer": "INTEGER",
    "boolean": "BOOLEAN",
    "array": "ARRAY",
    "object": "OBJECT",
}
_GEMINI_KEYS = (
    "title", "description", "enum", "format", "minimum", "maximum", "minItems", "maxItems",
    "minLength", "maxLength", "pattern", "minProperties", "maxProperties", "required",
)  # fmt: skip


def gemini_schema(schema: JsonObject) -> JsonObject:
    """Give ``schema`` in the OpenAPI subset that Gemini's ``responseSchema`` takes.

    References are inlined, types are upper case, "or null" becomes ``nullable``, a constant an ``enum``,
    and ``propertyOrdering`` keeps the order of the fields. ``responseSchema`` and not
    ``responseJsonSchema``, because batches answer the latter with degenerate JSON.
    Source: https://ai.google.dev/api/caching#Schema and crmne/ruby_llm#894 (read 2026-11-21).

    Raises:
        Inconvertible: it refers to itself, or leaves the subset (free keys, tuples, mixed types).
    """
    return _to_gemini(schema, schema, (), "")


_SHAPES: dict[str, type | tuple[type, ...]] = {
    "$ref": str,
    "allOf": list,
    "anyOf": list,
    "oneOf": list,
    "properties": dict,
    "type": (str, list),
}


def _to_gemini(node: JsonValue, root: JsonObject, trail: tuple[str, ...], path: str) -> JsonObject:
    here = path.rstrip(".") or "the root"
    if not isinstance(node, dict):
        raise Inconvertible(f"{here}: Gemini has no word for 'anything'")
    for key, kind in _SHAPES.items():
        if key in node and not isinstance(node[key], kind):
            raise Inconvertible(f"{here}: {key} is not what JSON Schema says it is")
    if reference := node.get("$ref"):
        if reference in trail:
            raise Inconvertible(f"{here}: Gemini takes no schema that contains itself")
        target = {**resolve_reference(reference, root), **_without(node, "$ref")}
        return _to_gemini(target, root, (*trail, reference), path)
    if len(node.get("allOf", ())) == 1 and isinstance(node["allOf"][0], dict):
        return _to_gemini({**node["allOf"][0], **_without(node, "allOf")}, root, trail, path)
    if "allOf" in node or "prefixItems" in node or "patternProperties" in node:
        raise Inconvertible(f"{here}: Gemini takes no allOf, prefixItems or patternProperties")
    branches = node.get("anyOf") or node.get("oneOf")
    if branches is not None:
        return _gemini_union(node, branches, root, trail, path)
    return _gemini_plain(node, root, trail, path)


def _without(node: JsonObject, key: str) -> JsonObject:
    return {name: value for name, value in node.items() if name != key}


def _gemini_union(
    node: JsonObject, branches: list[JsonValue], root: JsonObject, trail: tuple[str, ...], path: str
) -> JsonObject:
    real = [part for part in branches if part != {"type": "null"}]
    nullable = len(real) < len(branches)
    parts = [_to_gemini(part, root, trail, path) for part in real]
    if not parts:
        raise Inconvertible(f"{path.rstrip('.') or 'the root'}: Gemini has no type for null alone")
    kept: JsonObject = {key: node[key] for key in ("title", "description") if key in node}
    result: JsonObject = {**parts[0], **kept} if len(parts) == 1 else {**kept, "anyOf": parts}
    return {**result, "nullable": True} if nullable else result


def _gemini_plain(node: JsonObject, root: JsonObject, trail: tuple[str, ...], path: str) -> JsonObject:
    here = path.rstrip(".") or "the root"
    kinds = node.get("type", "object" if "properties" in node else None)
    if isinstance(kinds, list):
        branches: list[JsonObject] = [
            {"type": "null"} if kind == "null" else {**node, "type": kind} for kind in kinds
        ]
        return _gemini_union({}, branches, root, trail, path)
    result: JsonObject = {key: node[key] for key in _GEMINI_KEYS if key in node}
    if "const" in node:
        result["enum"] = [node["const"]]
    if kinds is None and "enum" in result:
        kinds = "string"
    if kinds not in _GEMINI_TYPES:
        raise Inconvertible(f"{here}: Gemini has no type {kinds!r}")
    result = {"type": _GEMINI_TYPES[kinds], **result}
    if kinds == "object":
        if node.get("additionalProperties"):
            raise Inconvertible(f"{here}: Gemini takes no object with free keys")
        properties = node.get("properties", {})
        result["properties"] = {
            name: _to_gemini(part, root, trail, f"{path}{name}.") for name, part in properties.items()
        }
        result["propertyOrdering"] = list(properties)
    if kinds == "array":
        result["items"] = _to_gemini(node.get("items"), root, trail, f"{path}[].")
    return result


_GEMINI_UNDERSTOOD = frozenset(
    (*_GEMINI_KEYS, "type", "properties", "items", "anyOf", "oneOf", "allOf", "const", "$ref", "$defs",
     "definitions", "additionalProperties", "$schema", "propertyOrdering"),
)  # fmt: skip


def gemini_losses(schema: JsonObject) -> list[str]:
    """Give the keywords of ``schema`` that `gemini_schema` leaves out, each once, in the order of meeting them."""
    found: dict[str, None] = {}
    waiting: list[JsonValue] = [schema]
    while waiting:
        node = waiting.pop(0)
        if not isinstance(node, dict):
            continue
        found |= dict.fromkeys(key for key in node if key not in _GEMINI_UNDERSTOOD)
        waiting.append(node.get("items"))
        for key in ("properties", "$defs", "definitions"):
            part = node.get(key)
            waiting += part.values() if isinstance(part, dict) else ()
        for key in ("anyOf", "oneOf", "allOf"):
            part = node.get(key)
            waiting += part if isinstance(part, list) else ()
    return list(found)


_PLAIN_TYPES = {word: kind for kind, word in _GEMINI_TYPES.items()}


def plain_schema(schema: JsonObject, *, closed: bool = True) -> JsonObject:
    """Give the JSON Schema that a Gemini ``responseSchema`` says; what it has no word for is left as it is.

    ``closed``: objects hold only the fields named, which is how Gemini answers and what strict modes ask for.
    """
    if schema.get("nullable"):
        real = plain_schema(_without(schema, "nullable"), closed=closed)
        branches = real.pop("anyOf", None)
        kept: JsonObject = {key: real.pop(key) for key in ("title", "description") if key in real}
        return {**kept, "anyOf": [*(branches or [real]), {"type": "null"}]}
    result = dict(schema)
    kind = result.get("type")
    if isinstance(kind, str):
        result["type"] = _PLAIN_TYPES.get(kind.upper(), kind)
    order = result.pop("propertyOrdering", None)
    properties = result.get("properties")
    if isinstance(properties, dict):
        names = (
            [name for name in order if isinstance(name, str) and name in properties]
            if isinstance(order, list)
            else []
        )
        result["properties"] = {
            name: plain_schema(properties[name], closed=closed)
            for name in (*names, *(name for name in properties if name not in names))
            if isinstance(properties[name], dict)
        }
    if closed and result.get("type") == "object":
        result["additionalProperties"] = False
    if isinstance(result.get("items"), dict):
        result["items"] = plain_schema(result["items"], closed=closed)
    if isinstance(result.get("anyOf"), list):
        result["anyOf"] = [
            plain_schema(part, closed=closed) for part in result["anyOf"] if isinstance(part, dict)
        ]
    return result
