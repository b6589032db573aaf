"""Why a line is not acceptable JSON: the slow path, only ever walked for a line that is wrong.

Uses the standard library's parser because it says *where* it stopped, for every kind of fault.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from batch_cli.errors import Problem
from batch_cli.jsonl import BOM
from batch_cli.model import JsonValue

MAX_DEPTH = 128
"""Deepest nesting accepted; orjson could write no more than 254 levels."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What keeps a line from being JSON; a `Problem` without its file and line."""

    code: str
    message: str
    column: int
    hint: str | None = None

    def at(self, file: str, line: int) -> Problem:
        """Place the fault in a file."""
        return Problem(self.code, self.message, hint=self.hint, file=file, line=line, column=self.column)


_RECORD_SEPARATOR = 0x1E
_LFS_POINTER = "version https://git-lfs"
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f]")
# Escapes one after the other: a whole surrogate pair, a lone half (the group), anything else.
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)
_NOT_FINITE = re.compile(r"(?<![\w\"])-?(?:NaN|Infinity)\b")
_PYTHON_WORDS = re.compile(r"\b(?:True|False|None)\b")


def explain(raw: bytes, *, last: bool = False) -> Fault | None:
    """Say why ``raw`` is not an acceptable JSON text, or None if it is one.

    ``last`` tells that no line follows, so that a cut line can be told from a broken one.
    """
    if raw.startswith(BOM):
        return Fault(
            "E101",
            "byte order mark at the start of the file",
            1,
            "save the file as UTF-8 without BOM",
        )
    if fault := _wide_encoding(raw):
        return fault
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        column = len(raw[: error.start].decode("utf-8")) + 1
        return Fault(
            "E102",
            f"not valid UTF-8 (byte 0x{raw[error.start]:02x})",
            column,
            "convert the file to UTF-8, for example with 'iconv -f latin1 -t UTF-8 < FILE'",
        )
    return _explain_text(text, last=last)


def _wide_encoding(raw: bytes) -> Fault | None:
    """Recognise UTF-16 and UTF-32, with or without a byte order mark."""
    head = raw[:64]
    if head.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")) or b"\x00\x00\x00" in head[:8]:
        name = "UTF-32"
    elif (
        head.startswith((b"\xff\xfe", b"\xfe\xff"))
        or re.match(rb"(?:\x00[\x20-\x7e]){2}", head)
        or re.match(rb"(?:[\x20-\x7e]\x00){2}", head)
    ):
        name = "UTF-16"
    else:
        return None
    if not head.strip(b"\x00"):
        return None
    return Fault("E103", f"{name} text, not UTF-8", 1, f"iconv -f {name} -t UTF-8 < FILE")


def _explain_text(text: str, *, last: bool) -> Fault | None:
    if control := _CONTROL.search(text):
        return _control_fault(text, control.start())
    if depth_at := _too_deep(text):
        return Fault(
            "E206",
            f"nested too deep: more than {MAX_DEPTH} levels",
            depth_at,
            "flatten the structure",
        )
    pairs: list[str] = []
    try:
        json.loads(text, object_pairs_hook=_note_duplicates(pairs), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        return _syntax_fault(text, error, last=last)
    except ValueError as error:
        return _value_fault(text, str(error))
    if pairs:
        column = _second_key_column(text, pairs[0])
        return Fault(
            "E204",
            f'duplicate key "{pairs[0]}" in one object',
            column,
            "remove one of the two: parsers disagree which one counts",
        )
    if lone := next((found for found in _ESCAPE.finditer(text) if found[1]), None):
        return Fault(
            "E108",
            "lone surrogate in an escape",
            lone.start() + 1,
            "write the character as a pair of \\u escapes, or as itself",
        )
    if overflow := _overflowing_number(text):
        return Fault("E205", "number out of range for JSON parsers", overflow, "write it as text")
    return None


def _control_fault(text: str, at: int) -> Fault:
    code = ord(text[at])
    if code == _RECORD_SEPARATOR and at == 0:
        return Fault(
            "E104",
            "raw control character U+001E: this is a json-seq file (RFC 7464)",
            1,
            "remove the separators of json-seq: tr -d '\\036' < FILE",
        )
    return Fault(
        "E104",
        f"raw control character U+{code:04X}",
        at + 1,
        f"escape it as \\u{code:04x}, or remove it",
    )


def _note_duplicates(found: list[str]) -> Any:
    def hook(pairs: list[tuple[str, JsonValue]]) -> JsonValue:
        value = dict(pairs)
        if len(value) != len(pairs):
            keys = [key for key, _ in pairs]
            found.extend(key for at, key in enumerate(keys) if key in keys[:at])
        return value

    return hook


def _refuse_constant(name: str) -> JsonValue:
    raise ValueError(name)


def _value_fault(text: str, word: str) -> Fault:
    if found := _NOT_FINITE.search(text):
        return Fault(
            "E203",
            f"{found[0]} is not JSON (only finite numbers are; NaN and Infinity are not)",
            found.start() + 1,
            "use null",
        )
    del word  # the interpreter's text about too many digits would echo them
    return Fault("E205", "number out of range: too many digits", 1, "write it as text")


_CUT_OFF = ("Unterminated string", "Expecting")


def _syntax_fault(text: str, error: json.JSONDecodeError, *, last: bool) -> Fault:
    at, column = error.pos, error.pos + 1
    here = text[at : at + 1]
    if error.msg.startswith("Invalid control character"):  # a tab and the like inside a text
        return _control_fault(text, at)
    if error.msg == "Extra data":
        if text[at:].lstrip().startswith(("{", "[")):
            return Fault(
                "E210",
                "more than one JSON value on this line",
                column,
                "put each on a line of its own: insert a newline",
            )
        return Fault(
            "E201",
            "not valid JSON: text after the end of the value",
            column,
            "remove what follows the closing bracket",
        )
    if last and at >= len(text.rstrip()) - 1 and error.msg.startswith(_CUT_OFF):
        return Fault(
            "E202",
            "the last line is cut off in the middle",
            column,
            "write the file again to get the complete line",
        )
    if error.msg.startswith("Unterminated string") and last:
        return Fault(
            "E202",
            "the last line is cut off in the middle of a text",
            column,
            "write the file again to get the complete line",
        )
    words, hint = _syntax_words(text, at, here, error.msg)
    return Fault("E201", f"not valid JSON: {words}", column, hint)


def _syntax_words(text: str, at: int, here: str, parser_says: str) -> tuple[str, str]:
    """Put the parser's complaint at ``at`` into words a person can act on."""
    before = text[:at].rstrip()
    if here in "}]" and here and before.endswith(","):
        return f"trailing comma before '{here}'", "remove the comma"
    if (
        parser_says.startswith(("Illegal trailing comma", "Expecting property name"))
        and before.endswith(",")
        and text[at:].lstrip()[:1] in ("}", "]")
    ):
        return "trailing comma", "remove the comma"
    if here == "'":
        return "single quotes", "use double quotes; in Python write the line with json.dumps"
    if word := _PYTHON_WORDS.match(text, at):
        return f"'{word[0]}' is Python, not JSON", "in Python write the line with json.dumps"
    if here in ("#", "/"):
        return "comments are not JSON", "remove the comment"
    if text.startswith(_LFS_POINTER):
        return "this is a Git LFS pointer, not the file itself", "git lfs pull"
    if here == "<":
        return "this looks like HTML or a merge conflict marker", "get the file again"
    if not here:
        return "the line ends too early", "complete the line"
    if not here.isascii() or not here.isprintable():
        return f"unexpected character U+{ord(here):04X}", "remove it, or replace it with its ASCII form"
    if here == "\\" or "escape" in parser_says:
        return "bad escape in a text", 'JSON knows \\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX only'
    return parser_says[:1].lower() + parser_says[1:], "write each line with a JSON library"


def _too_deep(text: str) -> int | None:
    """Give the column where nesting passes the limit. Counts brackets outside strings, without recursion."""
    depth = 0
    # A text without its end runs to the end of the line; looked for from each of its quotes it would take for ever.
    for token in re.finditer(r'(?s)"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[{\]}]', text):
        if token[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return token.start() + 1
        elif token[0] in "]}":
            depth -= 1
    return None


def _overflowing_number(text: str) -> int | None:
    """Give the column of a number that no double can hold, such as 1e400."""
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?[eE][+-]?\d+|-?\d{300,}', text):
        if not token[0].startswith('"') and float(token[0]) in (float("inf"), float("-inf")):
            return token.start() + 1
    return None


def _second_key_column(text: str, key: str) -> int:
    """Give the column of the second place where ``key`` stands as a key, however it is escaped."""
    seen = 0
    for token in re.finditer(r'("(?:[^"\\]|\\.)*")\s*:', text):
        if json.loads(token[1]) == key:
            seen += 1
            if seen == 2:  # noqa: PLR2004 - the duplicate is by definition the second
                return token.start() + 1
    return 1


_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


def locate(text: str, path: str) -> int:
    """Give the column where the value at ``path`` (``body.messages[0].role``) starts in a line of JSON.

    Where a part of the path is missing it is the column of the innermost part that exists.
    """
    at = _skip_space(text, 0)
    for part in re.findall(r"[^.\[\]]+|\[\d+\]", path):
        try:
            found = _element(text, at, int(part[1:-1])) if part.startswith("[") else _member(text, at, part)
        except (ValueError, IndexError, RecursionError):
            break
        if found is None:
            break
        at = found
    return at + 1


def _skip_space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # the pattern also matches nothing


def _member(text: str, at: int, name: str) -> int | None:
    """Give where the value of member ``name`` of the object at ``at`` starts."""
    if text[at] != "{":
        return None
    at = _skip_space(text, at + 1)
    while text[at] == '"':
        key, at = _DECODER.raw_decode(text, at)
        at = _skip_space(text, _skip_space(text, at) + 1)
        if key == name:
            return at
        at = _skip_space(text, _DECODER.raw_decode(text, at)[1])
        at = _skip_space(text, at + (text[at] == ","))
    return None


def _element(text: str, at: int, index: int) -> int | None:
    """Give where element ``index`` of the array at ``at`` starts."""
    if text[at] != "[":
        return None
    at = _skip_space(text, at + 1)
    for _ in range(index):
        if text[at] == "]":
            return None
        at = _skip_space(text, _DECODER.raw_decode(text, at)[1])
        at = _skip_space(text, at + (text[at] == ","))
    return at if text[at] != "]" else None
