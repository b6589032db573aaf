"""A SHA-256 that is computed beside other work."""

from __future__ import annotations

import hashlib
import queue
import threading


class Digest:
    """A SHA-256 in a thread of its own: hashing releases the interpreter, so it costs no time beside parsing."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._hash = hashlib.sha256()
        self._blocks: queue.Queue[bytes | None] = queue.Queue(4)
        self._thread: threading.Thread | None = None

    def update(self, raw: bytes) -> None:
        """Add some bytes; waits only while four pieces are waiting."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sha256", daemon=True)
            self._thread.start()
        self._blocks.put(raw)

    def finish(self) -> str:
        """Give the digest of everything so far, in hexadecimal."""
        if self._thread is not None:
            self._blocks.put(None)
            self._thread.join()
            self._thread = None
        return self._hash.hexdigest()

    def _run(self) -> None:
        while (raw := self._blocks.get()) is not None:
            self._hash.update(raw)
