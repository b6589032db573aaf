r"""What the lines of a request file have in common, so that a line like the one before is checked cheaply.

Request files are written by programs: their lines differ in the id and in some texts and are byte for byte
the same everywhere else. Once one line was checked with every rule, a line with the same constant parts
obeys them too, whatever its texts say, as long as each text is a proper JSON string. So only the texts of
such lines are parsed, those of many lines in one go.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

from batch_cli.jsonl import loads

Path = tuple[str, ...]
"""Where a value stands in a line: keys from the outside in, ``*`` for any place in an array."""

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]')
_QUOTE, _COMMA, _OPEN_LIST, _CLOSE_LIST, _OPEN_OBJECT, _CLOSE_OBJECT = b'",[]{}'
_JOINT = b'"\n,"'
r"""Between two texts. A raw line feed may not stand in a JSON string, so a text that ends in a backslash, and
would swallow the quote after it, makes the whole unparseable."""


@dataclass(frozen=True, slots=True)
class LinePattern:
    """The constant parts of a line, around the texts that may be anything."""

    head: bytes
    joints: tuple[bytes, ...]
    """Between one free text and the next; each starts and ends with a quote."""
    tail: bytes
    paths: tuple[Path, ...]
    """Where the free texts stand, in the order of the line; array indexes are given as ``*``."""

    @classmethod
    def of(cls, raw: bytes, free: Collection[Path]) -> Self | None:
        """Take the pattern of ``raw``, which must be valid JSON; None if it holds no free text.

        ``free`` names the strings whose content no rule looks at.
        """
        parts, paths, at = [], [], 0
        for path, start, stop in _strings(raw):
            if path in free:
                parts.append(raw[at:start])
                paths.append(path)
                at = stop
        if not paths:
            return None
        return cls(parts[0], tuple(parts[1:]), raw[at:], tuple(paths))

    @property
    def size(self) -> int:
        """Give the number of free texts in a line."""
        return len(self.paths)

    def split(self, lines: Sequence[bytes], start: int) -> tuple[int, list[bytes]]:
        """Cut as many lines as fit, from ``start`` on; give where that ends, and their texts as they stand.

        A text is not yet known to be a string: `texts` tells.
        """
        head, tail, joints = self.head, self.tail, self.joints
        after_head, before_tail = len(head), len(tail)
        pieces: list[bytes] = []
        add = pieces.append
        at_line = start
        for at_line in range(start, len(lines)):
            raw = lines[at_line]
            if not (raw.startswith(head) and raw.endswith(tail)):
                break
            at, end = after_head, len(raw) - before_tail
            for joint in joints:
                stop = raw.find(joint, at, end)
                if stop < 0:
                    break
                add(raw[at:stop])
                at = stop + len(joint)
            else:
                if at <= end:
                    add(raw[at:end])
                    continue
            break
        else:
            return len(lines), pieces
        del pieces[(at_line - start) * len(self.paths) :]
        return at_line, pieces

    def texts(self, pieces: Sequence[bytes]) -> list[str] | None:
        """Parse the texts of one or more lines; None if one of them is not a JSON string."""
        try:
            values = loads(b'["' + _JOINT.join(pieces) + b'"]')
        except ValueError:
            return None
        # A quote inside a text would have ended it, and made one text more.
        return values if len(values) == len(pieces) else None

    def join(self, pieces: Sequence[bytes]) -> bytes:
        """Write a line with these texts, given as they stand between the quotes."""
        words = [self.head]
        for piece, joint in zip(pieces, (*self.joints, self.tail), strict=True):
            words += (piece, joint)
        return b"".join(words)


def _strings(raw: bytes) -> list[tuple[Path, int, int]]:
    """Find every string value (no key) of a valid line: its path, and where its content starts and stops."""
    found: list[tuple[Path, int, int]] = []
    path: list[str] = []
    key_follows = False
    for token in _TOKEN.finditer(raw):
        first = raw[token.start()]
        if first == _QUOTE:
            start, stop = token.start() + 1, token.end() - 1
            if key_follows:
                path[-1] = raw[start:stop].decode()
            else:
                found.append((tuple(path), start, stop))
        elif first in (_OPEN_OBJECT, _OPEN_LIST):
            key_follows = first == _OPEN_OBJECT
            path.append("" if key_follows else "*")
        elif first in (_CLOSE_OBJECT, _CLOSE_LIST):
            path.pop()
            key_follows = False
        else:  # a comma or a colon
            key_follows = first == _COMMA and path[-1] != "*"
    return found
