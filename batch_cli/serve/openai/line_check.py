"""The look that LiteLLM takes at the input file of a batch when it comes: every line has to be a request at all.

Source: BerriAI/litellm#37527 (read 2026-11-21); before it, wrong lines were accepted.
"""

from __future__ import annotations

from pathlib import Path

from batch_cli.jsonl import LineTooLong, is_blank, loads, read_lines
from batch_cli.serve.refusal import Refusal

_NEEDED = ("custom_id", "method", "url", "body")
_LONGEST_LINE = 32_000_000


def check_lines(path: Path) -> None:
    """Check that every line that is not blank is an object with the four members of a request.

    Memory: a line.

    Raises:
        Refusal: the first one that is not (400), or is too long (413).
    """
    try:
        with path.open("rb") as stream:
            for line in read_lines(stream, max_bytes=_LONGEST_LINE):
                if not is_blank(line.raw):
                    _check(line.number, line.raw)
    except LineTooLong as error:
        raise Refusal(
            413, f"line {error.number} is longer than {_LONGEST_LINE:,} bytes", param="file"
        ) from None


def _check(number: int, raw: bytes) -> None:
    try:
        value = loads(raw)
    except ValueError:
        raise Refusal(400, f"line {number} of the file is not valid JSON", param="file") from None
    if not isinstance(value, dict):
        raise Refusal(400, f"line {number} of the file is not a JSON object", param="file")
    for name in _NEEDED:
        if name not in value:
            raise Refusal(400, f"line {number} of the file has no '{name}'", param=name)
