"""A large request file checked on two processors: a forked child takes the second half.

This is the quick way for files that are right. It knows only "nothing wrong" and "look closer"; whoever is
told the latter reads the file again from its start, and finds every problem in order.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import select
import signal
import sys
import threading
from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from batch_cli.errors import ProblemLog
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
    if not _has_two_processors():
        return None
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(open_file())
        if _size(first) < WORTHWHILE:
            return None
        second, whole = stack.enter_context(open_file()), stack.enter_context(open_file())
        second.seek(_size(first) // 2)
        second.readline(rules.limits.line_bytes + 1)
        middle = second.tell()
        child = _Child(lambda: _read_half(second, name, rules))
        digest = _FileDigest(whole) if hashed else None  # a thread, so it starts after the fork
        try:
            scanner = Scanner(name, rules, ProblemLog(1))
            for _ in scanner.read(_Part(first, middle), report):
                if not _is_clean(scanner) or child.has_failed():
                    return None
            half = child.result()
            if half is None or not _is_clean(scanner) or not _add(scanner, half):
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


class _Part:
    """The start of a stream, up to a line's end, as something to read."""

    def __init__(self, stream: BinaryIO, length: int) -> None:
        self._stream, self._left = stream, length

    def read(self, size: int, /) -> bytes:
        return self._counted(self._stream.read(min(size, self._left)))

    def readline(self, size: int, /) -> bytes:
        return self._counted(self._stream.readline(size))

    def _counted(self, raw: bytes) -> bytes:
        self._left -= len(raw)
        return raw


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


class _Child:
    """A forked process that computes one value and hands it over; None when it fails in any way."""

    def __init__(self, compute: Callable[[], object]) -> None:
        self._read_end, write_end = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._read_end)
            _be_child(compute, write_end)
        os.close(write_end)
        self._stream = os.fdopen(self._read_end, "rb")

    def has_failed(self) -> bool:
        """Tell whether the child has ended without a value."""
        return bool(select.select([self._stream], [], [], 0)[0]) and not self._stream.peek(1)

    def result(self) -> _Half | None:
        try:
            value = pickle.load(self._stream)  # noqa: S301 - written by our own child
        except (EOFError, pickle.UnpicklingError):
            return None
        return value if isinstance(value, _Half) else None

    def stop(self) -> None:
        self._stream.close()
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _be_child(compute: Callable[[], object], write_end: int) -> None:
    """Compute, hand over, and end without anything of the parent's being cleaned up twice."""
    code = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        value = compute()
        if value is not None:
            with os.fdopen(write_end, "wb") as stream:
                pickle.dump(value, stream, protocol=5)
            code = 0
    finally:
        os._exit(code)


def _size(stream: BinaryIO) -> int:
    try:
        return os.fstat(stream.fileno()).st_size
    except OSError:  # not a file of the system
        return 0


def _has_two_processors() -> bool:
    return sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1
