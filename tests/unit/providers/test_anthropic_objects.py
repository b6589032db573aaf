"""Anthropic's batch objects, as they come and as they should not."""

from __future__ import annotations

from typing import Any

import pytest

from batch_cli.errors import DamagedData
from batch_cli.model import BatchStatus
from batch_cli.providers.hosted.anthropic_objects import Snapshot, read_batch


def batch(status: str = "ended", cancelled_at: str | None = None, **counts: int) -> dict[str, Any]:
    names = ("processing", "succeeded", "errored", "canceled", "expired")
    return {
        "id": "msgbatch_1",
        "processing_status": status,
        "request_counts": {**dict.fromkeys(names, 0), **counts},
        "created_at": "2026-11-21T10:00:00Z",
        "cancel_initiated_at": cancelled_at,
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (batch("in_progress", processing=3), BatchStatus.IN_PROGRESS),
        (batch("canceling", processing=3), BatchStatus.CANCELLING),
        (batch(succeeded=3), BatchStatus.COMPLETED),
        (batch(succeeded=1, errored=1, expired=1), BatchStatus.COMPLETED),
        (batch(errored=3), BatchStatus.FAILED),
        (batch(expired=3), BatchStatus.EXPIRED),
        (batch(errored=1, expired=2), BatchStatus.EXPIRED),
        (batch(succeeded=1, canceled=2), BatchStatus.CANCELLED),
        (batch("hibernating"), BatchStatus.UNKNOWN),
        (batch("completed"), BatchStatus.UNKNOWN),  # no word of theirs: nothing says that results are there
        ({"processing_status": None, "request_counts": None}, BatchStatus.UNKNOWN),
        ({"processing_status": "ended", "request_counts": None}, BatchStatus.COMPLETED),
    ],
)
def test_the_status_follows_from_what_became_of_the_requests(
    value: dict[str, Any], expected: BatchStatus
) -> None:
    assert read_batch(value).status is expected


def test_a_cancel_that_cancelled_nothing_leaves_a_complete_batch() -> None:
    found = read_batch(batch(cancelled_at="2026-11-21T11:00:00Z", succeeded=3))

    assert found.status is BatchStatus.COMPLETED


def test_counts_that_are_missing_stay_unknown() -> None:
    counts = read_batch({"request_counts": {"succeeded": 2, "errored": "x"}}).counts

    assert (counts.total, counts.completed, counts.failed, counts.expired) == (2, 2, None, None)


def test_a_snapshot_comes_back_as_it_was_written() -> None:
    snapshot = Snapshot(5, "msgbatch_0", 1_795_255_200.25)

    assert Snapshot.read(snapshot.write()) == snapshot


@pytest.mark.parametrize("text", ["", "file-1", "[]", "{}", '{"requests": "x", "newest": 1, "created": 2}'])
def test_a_snapshot_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(DamagedData, match="before which batch"):
        Snapshot.read(text)


def test_a_batch_that_is_older_than_the_newest_of_a_snapshot_was_there_before() -> None:
    created = read_batch(batch()).created_at
    assert created is not None

    assert Snapshot(1, "gone", created + 1).is_newer_than(read_batch(batch()))
    assert not Snapshot(1, "gone", created).is_newer_than(read_batch(batch()))
    assert not Snapshot(1, None, None).is_newer_than(read_batch(batch()))
