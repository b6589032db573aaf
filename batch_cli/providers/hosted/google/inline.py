"""Small batches: their requests wait here until the create brings them along, and their answers come in the batch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from batch_cli.errors import DamagedData, StateError
from batch_cli.files import private_directory, write_atomically
from batch_cli.jsonl import dumps_exactly, loads_exactly
from batch_cli.model import BatchResult, JsonObject, object_of
from batch_cli.providers.hosted.kept_ids import file_stem

MOST_BYTES = 100_000
MOST_REQUESTS = 100
"""Their answers are read whole: 100 of the longest, with some 65,000 tokens each, stay within `MOST_ANSWER_BYTES`."""
MOST_ANSWER_BYTES = 100_000_000


class InlineRequests:
    """The requests of submits on their way; what a create has brought along is forgotten."""

    def __init__(self, root: Path) -> None:
        """Keep them in ``root``, which is made when the first are written."""
        self._root = root

    def keep(self, key: str, lines: Iterable[bytes]) -> None:
        """Keep request lines, on disk when this returns; again: over the first try's.

        Raises:
            DiskError: they cannot be written.
        """
        whole = b"".join(line + b"\n" for line in lines)
        private_directory(self._root)
        write_atomically(self._path(key), whole, mode=0o600)

    def config(self, key: str) -> JsonObject:
        """Give them as the ``inputConfig`` of a batch, each with its key as metadata.

        Raises:
            StateError: they are not here.
        """
        try:
            lines = [loads_exactly(line) for line in self._path(key).read_bytes().split(b"\n") if line]
        except (OSError, ValueError) as error:
            raise StateError(
                "the requests of this submit are no longer on this machine",
                where=str(self._path(key)),
                hint="submit the file once more with --again",
            ) from error
        items = [{"request": line["request"], "metadata": {"key": line["key"]}} for line in lines]
        return {"requests": {"requests": items}}

    def forget(self, key: str) -> None:
        """Remove those of a submit; again: nothing happens."""
        with contextlib.suppress(OSError):
            self._path(key).unlink()

    def _path(self, key: str) -> Path:
        return self._root / f"{file_stem(key)}.jsonl"


def create_body(display_name: str, config: JsonObject) -> bytes:
    """Write the body of a create; numbers keep all their digits."""
    return dumps_exactly({"batch": {"displayName": display_name, "inputConfig": config}})


def answer_rows(
    answers: Sequence[JsonObject],
    ids: Callable[[], Sequence[str] | None],
    read: Callable[[JsonObject], BatchResult],
    batch_id: str,
) -> Iterator[BatchResult]:
    """Give the rows of inline answers by the keys in their metadata.

    Where one has no key, all are taken in the order of the requests, if that contradicts neither their number
    nor any key; ``ids`` gives the requests' ids in order, or None. Source: answers without metadata and in
    another order were seen on the live API, so neither can be relied upon (read 2026-11-21).

    Raises:
        DamagedData: it cannot be told which answer is whose.
    """
    keys = [object_of(answer.get("metadata")).get("key") for answer in answers]
    if not all(isinstance(key, str) and key for key in keys):
        keys = _by_order(keys, ids(), batch_id)
    for key, answer in zip(keys, answers, strict=True):
        yield read({"key": key, "response": answer.get("response"), "error": answer.get("error")})


def _by_order(keys: Sequence[object], known: Sequence[str] | None, batch_id: str) -> list[object]:
    fits = (
        known is not None
        and len(known) == len(keys)
        and all(not key or key == own for key, own in zip(keys, known, strict=True))
    )
    if known is None or not fits:
        without = sum(1 for key in keys if not key)
        raise DamagedData(
            f"{without:,} of {len(keys):,} answers of {batch_id} do not say whose they are",
            where="and their number or their keys do not agree with the order of the requests",
            hint="run the same command again; if it stays, report it to Google",
        )
    return list(known)
