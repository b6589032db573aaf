"""One line of a request file, from its bytes to a JSON object, or to what keeps it from being one."""

from __future__ import annotations

from batch_cli.json_faults import MAX_DEPTH, Fault, explain
from batch_cli.jsonl import dumps, loads
from batch_cli.model import JsonObject, JsonValue

_PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
}
_UNKNOWN = Fault("E201", "not valid JSON", 1, "write each line with a JSON library")
ONE_TEXT = Fault(
    "E209",
    "one JSON object per line is expected, this is one JSON text over the whole file",
    1,
    "jq -c '.[]' FILE writes an array as lines; jq -c . FILE an object",
)
"""Said of the first line; every line after it would be wrong for the same reason."""


def packed(first_line: bytes) -> Fault | None:
    """Recognise a compressed file by how it starts."""
    for magic, kind in _PACKED.items():
        if first_line.startswith(magic):
            return Fault("E106", f"compressed file ({kind})", 1, "decompress it first")
    return None


def parse_request(raw: bytes, title: str, *, is_first: bool, is_last: bool) -> JsonObject | Fault:
    """Parse a line that has to be a request for the provider ``title``; say what is wrong if it is none."""
    try:
        value = loads(raw)
    except ValueError:
        if is_first and raw.strip() in (b"[", b"{"):
            return ONE_TEXT
        return explain(raw, last=is_last) or _UNKNOWN
    if not isinstance(value, dict):
        return _not_an_object(value, title, is_first=is_first)
    if _suspicious(raw, value) and (fault := explain(raw)) is not None:
        return fault
    return value


def _not_an_object(value: JsonValue, title: str, *, is_first: bool) -> Fault:
    first = value[0] if isinstance(value, list) and value else None
    if isinstance(first, dict) and "role" in first:
        return Fault(
            "E312",
            f"this is a messages file, expected {title} format",
            1,
            "batch-cli create --messages-file FILE makes a request file from it",
        )
    if isinstance(first, dict) and is_first:
        return ONE_TEXT
    return Fault("E207", "a request must be a JSON object", 1, "write {…} on each line")


def _suspicious(raw: bytes, value: JsonObject) -> bool:
    """Tell whether a line that parsed may still hide what parsers disagree on; never misses, may cry wolf.

    A duplicate key leaves fewer quotes in the value than in the text, unless escaped quotes hide it; too deep
    a nesting needs as many brackets.
    """
    # The brackets first: `dumps` cannot write what is nested more than 254 levels deep.
    return (
        raw.count(b"[") + raw.count(b"{") > MAX_DEPTH
        or b"\\u0022" in raw
        or raw.count(b'"') > dumps(value).count(b'"')
    )
