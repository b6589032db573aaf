"""A result file brought to this machine: resumed where a break left it, complete or not there."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from batch_cli.errors import DamagedData, Gone, StateError, Temporary, disk_error
from batch_cli.files import held, private_directory, try_lock, write_all
from batch_cli.httpclient.client import HttpClient, Reply, Sent, is_exhausted, refusal
from batch_cli.httpclient.outcome import NoAnswer
from batch_cli.httpclient.retry_after import MOST_SECONDS, retry_after
from batch_cli.jsonl import dumps, loads

_TRIES = 6
"""In a row without one more byte."""
_DOUBTS = 2
"""How often a whole answer that is not as long as the file is said to be is fetched anew."""
_PASSING = (408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529)
_GONE = (404, 410)
_PARTIAL = 206
_UNSATISFIABLE = 416
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_BUFFER = 1 << 20


@dataclass(slots=True)
class _Known:
    """What the server said of the file when it was begun."""

    etag: str | None = None
    total: int | None = None
    is_framed: bool = False
    """It says where it ends, so that one that was cut is no whole answer."""


@dataclass(frozen=True, slots=True)
class _Break:
    """Why no more came, and how long the server asks to wait."""

    why: str
    pause: float | None = None


class Download:
    """One file of a provider on its way here; what has arrived survives a crash."""

    def __init__(self, client: HttpClient, path: str, directory: Path) -> None:
        """Bring what ``path`` gives into ``directory``; names of servers are never names of files."""
        self._client, self._path = client, path
        name = sha256(f"{client.origin}{path}".encode()).hexdigest()
        self._target = directory / f"{name}.data"
        self._part = directory / f"{name}.part"
        self._facts = directory / f"{name}.facts"
        self._lock = directory / "locks" / f"{name[:2]}.lock"

    @contextlib.contextmanager
    def read(self, expected: int | None = None) -> Iterator[BinaryIO]:
        """Give the whole file, fetched where it is not here yet; it goes when it was read, or was found damaged.

        Raises:
            StateError: another process is at it.
            Others: as `complete`.
        """
        private_directory(self._target.parent)
        private_directory(self._lock.parent)
        lock = try_lock(self._lock)
        if lock is None:
            raise StateError(
                "another batch-cli is fetching these results right now",
                hint="wait until it is done, then run the same command again",
            )
        with held(lock):
            try:
                with self.complete(expected).open("rb", buffering=_BUFFER) as stream:
                    yield stream
            except DamagedData:  # the next run shall not meet the same bytes
                self._forget()
                raise
            self._forget()

    def _forget(self) -> None:
        """Remove the file; one that cannot be removed is a matter of room, and no reason to fail."""
        with contextlib.suppress(OSError):
            self._target.unlink(missing_ok=True)
            self._facts.unlink(missing_ok=True)

    def complete(self, expected: int | None = None) -> Path:
        """Fetch what is missing and give the whole file; ``expected`` is its size, where that is known.

        Raises:
            Temporary: the connection broke again and again; the next run goes on.
            Gone: the file is not there any more, or never was.
            DiskError: it cannot be written.
        """
        try:
            if not self._target.exists():
                private_directory(self._target.parent)
                self._fetch_all(expected)
        except OSError as error:
            raise disk_error(error, self._part, doing="writing") from error
        return self._target

    def _fetch_all(self, expected: int | None) -> None:
        known = self._remembered()
        idle = doubts = 0
        while True:
            before = self._size()
            end = None if self._is_whole(known) else self._fetch(known)
            if end is None:
                if self._is_believed(known, expected, doubts):
                    break
                end = _Break(f"the answer is {self._size():,} bytes long, the file {expected:,}")
                doubts += 1
                if known.total is not None or self._size() > (expected or 0):
                    self._restart(known)
            idle = 0 if self._size() > before else idle + 1
            if idle >= _TRIES or (end.pause or 0.0) > MOST_SECONDS:
                raise Temporary(
                    f"the results could not be fetched from {self._client.origin.authority}",
                    where=f"{end.why}; {self._size():,} bytes are here already",
                    hint="run the same command again: it goes on from there",
                )
            pause = min(30.0, self._client.pause * 2**idle)
            self._client.clock.sleep(max(pause, end.pause or 0.0))
        self._finish()

    def _is_believed(self, known: _Known, expected: int | None, doubts: int) -> bool:
        """Tell whether what came may be the whole file: by its size, or though the service says another one.

        A page of a proxy and a body that was cut are no file. A service that keeps giving whole answers of whole
        lines may be wrong about the size; what is missing shows when rows are counted.
        """
        if expected in (None, self._size()):
            return True
        return doubts >= _DOUBTS and known.is_framed and self._has_whole_lines()

    def _has_whole_lines(self) -> bool:
        """Tell by both ends whether JSON lines are here, and not a page or a part."""
        with self._part.open("rb") as stream:
            if stream.read(1) != b"{":
                return False
            stream.seek(-1, os.SEEK_END)
            return stream.read(1) == b"\n"

    def _is_whole(self, known: _Known) -> bool:
        return known.total is not None and self._size() == known.total

    def _finish(self) -> None:
        """Give the part its name, which says that all of it came.

        It is not brought to the disk before: it is read at once and goes, and what a crash of the machine leaves of
        it is found damaged and fetched anew.
        """
        self._part.replace(self._target)
        with contextlib.suppress(OSError):
            self._facts.unlink(missing_ok=True)

    def _fetch(self, known: _Known) -> _Break | None:
        """Append what comes; give why it broke off, or None at the end of the file."""
        start = self._size()
        headers = {"accept": "*/*"}
        if start:
            headers["range"] = f"bytes={start}-"
            if known.etag:
                headers["if-range"] = known.etag
        try:
            with self._client.stream(Sent("GET", self._path, headers, seconds=120)) as (reply, pieces):
                if reply.status == _UNSATISFIABLE:
                    self._restart(known)
                    return _Break("the part that is here did not fit the file")
                if not reply.is_good:
                    return self._refused(reply)
                if not self._place(reply, start, known):
                    return _Break("the server gave another part than was asked for")
                with self._part.open("ab", buffering=0) as stream:
                    for piece in pieces:
                        write_all(stream.fileno(), piece)
        except NoAnswer as error:
            return _Break(str(error))
        return None

    def _place(self, reply: Reply, start: int, known: _Known) -> bool:
        """Make the part ready for the body that comes; False: it is not what was asked for."""
        length = reply.headers.get("content-length", "")
        if reply.status == _PARTIAL:
            found = _RANGE.fullmatch(reply.headers.get("content-range", ""))
            if found is None or int(found[1]) != start or known.total not in (None, int(found[3])):
                self._restart(known)
                return False
            known.total, known.is_framed = int(found[3]), True
        else:  # the whole file from its start, asked for or not
            if start:
                self._part.unlink(missing_ok=True)
            known.total = int(length) if length.isdigit() else None
            known.etag = reply.headers.get("etag")
            known.is_framed = known.total is not None or "transfer-encoding" in reply.headers
        self._remember(known)
        return True

    def _refused(self, reply: Reply) -> _Break:
        if reply.status in _PASSING and not is_exhausted(reply):
            return _Break(f"HTTP {reply.status}", retry_after(reply.headers, self._client.clock.now()))
        if reply.status in _GONE:
            raise Gone(
                "the results are not there any more",
                where=f"{self._client.origin.authority} answered HTTP {reply.status}",
                hint="providers keep results for about a month; submit the requests again",
            )
        raise refusal(reply, self._client.origin)

    # --- what is here ---

    def _size(self) -> int:
        with contextlib.suppress(OSError):
            return self._part.stat().st_size
        descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        os.close(descriptor)
        return 0

    def _restart(self, known: _Known) -> None:
        self._part.unlink(missing_ok=True)
        known.etag, known.total, known.is_framed = None, None, False

    def _remembered(self) -> _Known:
        """Read what an earlier run knew; without that its part is of no use."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            return _Known(**loads(self._facts.read_bytes()))
        self._part.unlink(missing_ok=True)
        return _Known()

    def _remember(self, known: _Known) -> None:
        self._facts.write_bytes(dumps(asdict(known)))
        self._facts.chmod(0o600)
