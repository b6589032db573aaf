"""Answers by what was asked: what is asked again, in one batch or in a later one, need not be sent again.

A file of SQLite. Losing entries costs a request, never a row, so nothing here waits for the disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from batch_cli.engine.reply import Reply
from batch_cli.jsonl import dumps_exactly, loads
from batch_cli.sql import Database, load_statements

SQL = load_statements("batch_cli.engine.handlers.live", "answers.sql")
_FLUSHED = 64
"""Answers that are written together."""
_ROOM_MADE = 0.9
"""Share of the largest size that stays when it was reached."""


class Answers:
    """Good answers only: what failed is asked again."""

    def __init__(self, path: Path, most_bytes: int, asked: Sequence[str]) -> None:
        """Open or create the file; ``asked`` is whom: the same request to somebody else is another one.

        Raises:
            DiskError: it cannot be opened, or is damaged.
        """
        self._database = Database(path, [SQL["schema_1"]])
        self._most, self._asked = most_bytes, "\0".join(sorted(asked)).encode()
        self._new: dict[bytes, Reply] = {}
        self._used: list[bytes] = []
        row = self._database.row(SQL["size"])
        self._size: int = row[0] if row else 0

    def key(self, url: str, body: bytes) -> bytes:
        """Give what a request is known by."""
        digest = blake2b(self._asked, digest_size=20)
        digest.update(b"\0" + url.encode() + b"\0" + body)
        return digest.digest()

    def get(self, key: bytes) -> Reply | None:
        """Give the answer to a request like this one."""
        found = self._new.get(key)
        if found is not None:
            return found
        row = self._database.row(SQL["answer"], (key,))
        if row is None:
            return None
        self._used.append(key)
        if len(self._used) >= _FLUSHED:
            self.flush()
        return Reply(row[0], loads(row[1]))

    def put(self, key: bytes, reply: Reply) -> None:
        """Keep a good answer."""
        self._new[key] = reply
        if len(self._new) >= _FLUSHED:
            self.flush()

    def flush(self) -> None:
        """Write what is new; where that is more than may be kept, what was used longest ago goes."""
        if not self._new and not self._used:
            return
        rows = [(key, reply.status, dumps_exactly(reply.body)) for key, reply in self._new.items()]
        with self._database.transaction(waits_for_disk=False):
            self._database.change_many(SQL["touch"], ((key,) for key in self._used))
            self._database.change_many(SQL["put"], rows)
            self._size += sum(len(body) for _, _, body in rows)
            if self._size > self._most:
                self._make_room()
        self._new.clear()
        self._used.clear()

    def _make_room(self) -> None:
        excess = self._size - int(self._most * _ROOM_MADE)
        last = 0
        for number, size in self._database.rows(SQL["oldest"], (_FLUSHED * 1_000,)):
            last, excess = number, excess - size
            self._size -= size
            if excess <= 0:
                break
        self._database.change(SQL["forget"], (last,))

    def close(self) -> None:
        """Write what is new, and close the file."""
        self.flush()
        self._database.close()
