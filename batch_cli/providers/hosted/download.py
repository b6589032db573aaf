"""A result file brought to this machine: resumed where a break left it, complete or not there."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from batch_cli.errors import DamagedData, Gone, Temporary, disk_error, quoted
from batch_cli.files import private_directory
from batch_cli.httpclient.client import HttpClient, Reply, Sent, refusal
from batch_cli.httpclient.outcome import NoAnswer
from batch_cli.jsonl import dumps, loads

_TRIES = 6
"""In a row without one more byte."""
_PASSING = (408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529)
_GONE = (404, 410)
_PARTIAL = 206
_UNSATISFIABLE = 416
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@dataclass(slots=True)
class _Known:
    """What the server said of the file when it was begun."""

    etag: str | None = None
    total: int | None = None


class Download:
    """One file of a provider on its way here; what has arrived survives a crash."""

    def __init__(self, client: HttpClient, path: str, directory: Path) -> None:
        """Bring what ``path`` gives into ``directory``; names of servers are never names of files."""
        self._client, self._path = client, path
        name = sha256(f"{client.origin}{path}".encode()).hexdigest()
        self._target = directory / f"{name}.data"
        self._part = directory / f"{name}.part"
        self._facts = directory / f"{name}.facts"

    def complete(self, expected: int | None = None) -> Path:
        """Fetch what is missing and give the whole file; ``expected`` is its size, where that is known.

        Raises:
            Temporary: the connection broke again and again; the next run goes on.
            Gone: the file is not there any more, or never was.
            DamagedData: the server gave more or less than it said.
            DiskError: it cannot be written.
        """
        if self._target.exists():
            return self._target
        private_directory(self._target.parent)
        known = self._remembered()
        idle = 0
        while True:
            before = self._size()
            why = self._fetch(known)
            if why is None:
                break
            idle = 0 if self._size() > before else idle + 1
            if idle >= _TRIES:
                raise Temporary(
                    f"the results could not be fetched from {self._client.origin.authority}",
                    where=(why, f"{self._size():,} bytes are here already"),
                    hint="run the same command again: it goes on from there",
                )
            self._client.clock.sleep(min(30.0, self._client.pause * 2**idle))
        self._check(known, expected)
        self._part.replace(self._target)
        self._facts.unlink(missing_ok=True)
        return self._target

    def _fetch(self, known: _Known) -> str | None:
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
                    return "the part that is here did not fit the file"
                if not reply.is_good:
                    return self._refused(reply)
                if not self._place(reply, start, known):
                    return "the server gave another part than was asked for"
                with self._part.open("ab") as stream:
                    for piece in pieces:
                        stream.write(piece)
        except NoAnswer as error:
            return str(error)
        except OSError as error:
            raise disk_error(error, self._part, doing="writing") from error
        return None

    def _place(self, reply: Reply, start: int, known: _Known) -> bool:
        """Make the part ready for the body that comes; False: it is not what was asked for."""
        length = reply.headers.get("content-length", "")
        if reply.status == _PARTIAL:
            found = _RANGE.fullmatch(reply.headers.get("content-range", ""))
            if found is None or int(found[1]) != start or known.total not in (None, int(found[3])):
                self._restart(known)
                return False
            known.total = int(found[3])
        else:  # the whole file from its start, asked for or not
            if start:
                self._part.unlink(missing_ok=True)
            known.total = int(length) if length.isdigit() else None
            known.etag = reply.headers.get("etag")
        self._remember(known)
        return True

    def _refused(self, reply: Reply) -> str:
        if reply.status in _PASSING:
            return f"HTTP {reply.status}"
        if reply.status in _GONE:
            raise Gone(
                "the results are not there any more",
                where=f"{self._client.origin.authority} answered HTTP {reply.status}",
                hint="providers keep results for about a month; submit the requests again",
            )
        raise refusal(reply, self._client.origin)

    def _check(self, known: _Known, expected: int | None) -> None:
        size = self._size()
        for total in (known.total, expected):
            if total is not None and total != size:
                self._restart(known)
                raise DamagedData(
                    f"the results are {size:,} bytes long, {total:,} were announced",
                    where=quoted(self._path),
                    hint="run the same command again; if it stays, report it to the provider",
                )

    # --- what is here ---

    def _size(self) -> int:
        with contextlib.suppress(OSError):
            return self._part.stat().st_size
        descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        os.close(descriptor)
        return 0

    def _restart(self, known: _Known) -> None:
        self._part.unlink(missing_ok=True)
        known.etag = known.total = None

    def _remembered(self) -> _Known:
        """Read what an earlier run knew; without that its part is of no use."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            return _Known(**loads(self._facts.read_bytes()))
        self._part.unlink(missing_ok=True)
        return _Known()

    def _remember(self, known: _Known) -> None:
        self._facts.write_bytes(dumps({"etag": known.etag, "total": known.total}))
        self._facts.chmod(0o600)
