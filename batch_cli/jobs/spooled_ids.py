"""The ids of a batch's requests in a file of ours, for several processes to read; they may come from far away."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Self

from batch_cli.files import reopened
from batch_cli.jsonl import dumps, loads

_AT_ONCE = 2_000


class SpooledIds:
    """Ids in a file without a name; some two thousand of them in memory."""

    def __init__(self, ids: Iterable[str]) -> None:
        """Read them all."""
        self._file = tempfile.TemporaryFile(prefix="batch-cli-")  # noqa: SIM115 - closed by __exit__
        ids = iter(ids)
        while some := list(islice(ids, _AT_ONCE)):
            self._file.write(dumps(some) + b"\n")
        self._file.flush()

    def __enter__(self) -> Self:
        """Give the object itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the file."""
        self._file.close()

    def blocks(self) -> Iterator[Callable[[], list[str]]]:
        """Give the ids in order, in blocks, each of them parsed when it is called; may be called again."""
        for line in reopened(self._file.fileno()):
            yield partial(loads, line)
