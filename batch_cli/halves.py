"""A large request file checked on two processors: a forked child takes the second half.

This is the quick way for files that are right. It knows only "nothing wrong" and "look closer"; whoever is
told the latter reads the file again from its start, and finds every problem in order.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from batch_cli.errors import ProblemLog
from batch_cli.forked import Forked, has_two_processors
from batch_cli.jsonl import Part
from batch_cli.model import JsonObject
from batch_cli.request_file import Rules, Scan, Scanner

WORTHWHILE = 16_000_000
"""Bytes from which on a second process gains more than its start costs."""
_HASHED_AT_ONCE = 1 << 20


def scan_halves(
    open_file: Callable[[], BinaryIO],
    name: str,
    rules: Rules,
    report: Callable[[int], None] | None = None,
    *,
    hashed: bool = True,
) -> Scan | None:
    """Check a file in two processes; None if that is not worth it here, or not everything is right.

    Needs Linux (a fork is safe and cheap there), two processors and a regular file.
    """
    if not has_two_processors():
        return None
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(open_file())
        if _size(first) < WORTHWHILE:
            return None
        second, whole = stack.enter_context(open_file()), stack.enter_context(open_file())
        second.seek(_size(first) // 2)
        second.readline(rules.limits.line_bytes + 1)
        middle = second.tell()
        child = Forked(lambda: [_read_half(second, name, rules)])
        digest = _FileDigest(whole) if hashed else None  # a thread, so it starts after the fork
        try:
            scanner = Scanner(name, rules, ProblemLog(1))
            for _ in scanner.read(Part(first, middle), report):
                if not _is_clean(scanner) or child.has_failed():
                    return None
            half = child.result()
            if not isinstance(half, _Half) or not _is_clean(scanner) or not _add(scanner, half):
                return None
            if digest is not None:
                scanner.result.sha256 = digest.finish()
        finally:
            child.stop()
            if digest is not None:
                digest.stop()
    scanner.finish()
    return None if scanner.problems.errors else scanner.result


@dataclass(frozen=True, slots=True)
class _Half:
    """What is known of the second half, which has nothing wrong in it."""

    requests: int
    bytes: int
    models: Counter[str]
    urls: Counter[str]
    schema: JsonObject | None
    hashes: array[int]
    """Of the ids; the same in parent and child, because a fork shares the seed."""


def _read_half(stream: BinaryIO, name: str, rules: Rules) -> _Half | None:
    scanner = Scanner(name, rules, ProblemLog(1))
    for _ in scanner.read(stream, None):
        if not _is_clean(scanner):
            return None
    result, hashes = scanner.result, scanner.ids.hashes
    if not _is_clean(scanner) or hashes is None:
        return None
    schema = result.schema if scanner.same_schema else None
    return _Half(result.requests, result.bytes, result.models, result.urls, schema, hashes)


def _is_clean(scanner: Scanner) -> bool:
    return not (scanner.problems.errors or scanner.problems.warnings or scanner.blank_lines)


def _add(scanner: Scanner, half: _Half) -> bool:
    """Add the second half to what is known of the first; False if they do not go together."""
    result, limit = scanner.result, scanner.rules.limits.requests
    if result.urls.keys() != half.urls.keys() or not scanner.ids.is_disjoint(half.hashes):
        return False
    if scanner.rules.one_model and result.models.keys() != half.models.keys():
        return False
    if limit is not None and result.requests + half.requests > limit:
        return False
    result.requests += half.requests
    result.bytes += half.bytes
    result.models += half.models
    result.urls += half.urls
    if result.schema != half.schema:
        result.schema = None
    return True


class _FileDigest:
    """The hash of a whole file, computed in a thread while others check it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="file digest", daemon=True)
        self._thread.start()

    def finish(self) -> str:
        self._thread.join()
        return self._hash.hexdigest()

    def stop(self) -> None:
        """Let the thread end soon, and wait for it."""
        self._stopped = True
        self._thread.join()

    def _run(self) -> None:
        last = b""
        while not self._stopped and (raw := self._stream.read(_HASHED_AT_ONCE)):
            self._hash.update(raw)
            last = raw
        if not last.endswith(b"\n"):
            self._hash.update(b"\n")


def _size(stream: BinaryIO) -> int:
    try:
        return os.fstat(stream.fileno()).st_size
    except OSError:  # not a file of the system
        return 0
