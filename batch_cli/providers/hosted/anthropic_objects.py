"""Anthropic's batch objects, read leniently, and what an account looked like before a batch was created.

Source: anthropic-sdk-python 2.12.0; a live batch that a public research note quotes (2026-09-02).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from batch_cli.errors import DamagedData, StateError, quoted
from batch_cli.jsonl import dumps, loads
from batch_cli.model import MESSAGES, Batch, BatchStatus, JsonObject, RequestCounts, object_of
from batch_cli.providers.hosted.objects import read_count, read_moment, read_status, text_of


def read_batch(value: JsonObject) -> Batch:
    """Read a batch object. Its counts move at once when the whole batch has ended; its status follows from them."""
    counts = _counts(object_of(value.get("request_counts")))
    created = read_moment(value.get("created_at"))
    return Batch(
        id=text_of(value, "id") or "",
        provider="anthropic",
        status=_status(value, counts),
        raw_status=str(value.get("processing_status"))[:64],
        endpoint=MESSAGES,
        created_at=created,
        started_at=created,  # there is no queue: a batch is in progress from the start
        completed_at=read_moment(value.get("ended_at")),
        expires_at=read_moment(value.get("expires_at")),
        counts=counts,
        raw=value,
    )


def _counts(said: JsonObject) -> RequestCounts:
    names = ("processing", "succeeded", "errored", "canceled", "expired")
    known = {name: read_count(said.get(name)) for name in names}
    numbers = [count for count in known.values() if count is not None]
    return RequestCounts(
        total=sum(numbers) if numbers else None,
        completed=known["succeeded"],
        failed=known["errored"],
        processing=known["processing"],
        cancelled=known["canceled"],
        expired=known["expired"],
    )


def _status(value: JsonObject, counts: RequestCounts) -> BatchStatus:
    """Give the status; of a batch that has ended, by what became of its requests.

    A cancel that came too late cancelled nothing: the batch is complete, and to submit it again would be to
    pay again.
    """
    word = str(value.get("processing_status"))
    if word != "ended":
        found = read_status(word)
        return BatchStatus.UNKNOWN if found.is_terminal else found
    if counts.cancelled:
        return BatchStatus.CANCELLED
    if counts.completed or not counts.total:
        return BatchStatus.COMPLETED
    return BatchStatus.EXPIRED if counts.expired else BatchStatus.FAILED


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known of a batch before it is created, for finding it: a batch carries no name of ours."""

    requests: int
    newest: str | None
    """The id of the account's newest batch then; None: there was none."""
    created: float | None
    """When that one was created, by the provider's clock."""

    def is_newer_than(self, batch: Batch) -> bool:
        """Tell whether a batch was there before: its id may be gone, but times of one clock can be compared."""
        return self.created is not None and batch.created_at is not None and batch.created_at < self.created

    def write(self) -> str:
        """Give it as a small JSON text."""
        return dumps({"requests": self.requests, "newest": self.newest, "created": self.created}).decode()

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what `write` gave.

        Raises:
            DamagedData: it is something else.
        """
        try:
            facts = loads(text)
            return cls(int(facts["requests"]), facts["newest"], facts["created"])
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedData(
                f"the journal does not say before which batch this one was created: {quoted(text)}",
                hint="look at the provider's list of batches before you submit the file with --again",
            ) from error


def body_of(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Give request lines, byte for byte, as the one JSON document that creates a batch."""
    start = b'{"requests":['
    for line in lines:
        yield start
        yield line
        start = b","
    yield b"]}"


def refuse_running(batch: Batch) -> None:
    """Refuse to delete what runs.

    Raises:
        StateError: it does.
    """
    if not batch.status.is_terminal:
        raise StateError(
            f"batch {batch.id} is still {batch.status}",
            where="Anthropic deletes only what has ended",
            hint=f"batch-cli cancel {batch.id}, then wait and delete it",
        )
