from __future__ import annotations

from datetime import UTC, datetime

import pytest

from batch_cli import BatchStatus
from batch_cli.api.job_info import job_info
from batch_cli.model import Batch, JsonObject
from batch_cli.model import BatchStatus as Stage


def batch(status: Stage, raw: JsonObject | None = None, **more: object) -> Batch:
    return Batch("b", "openai", status, str(status), raw=raw or {}, **more)  # type: ignore[arg-type]  # as given


@pytest.mark.parametrize("stage", Stage)
def test_every_status_has_its_word_and_ends_when_it_ends(stage: Stage) -> None:
    info = job_info(batch(stage))

    assert info.status.is_terminal == stage.is_terminal
    assert info.raw_status == stage


def test_a_batch_that_is_being_cancelled_is_still_at_work() -> None:
    assert job_info(batch(Stage.CANCELLING)).status == "processing"


@pytest.mark.parametrize("status", [status for status in BatchStatus if status.is_terminal])
def test_the_end_is_told_by_the_name_of_how_it_ended(status: BatchStatus) -> None:
    times = job_info(batch(Stage(status), completed_at=60.0)).timestamps

    told = {name: getattr(times, f"{name}_at") for name in ("completed", "failed", "cancelled", "expired")}
    assert told.pop(status) == datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
    assert set(told.values()) == {None}


@pytest.mark.parametrize(
    ("raw", "files"),
    [
        ({"output_file_id": "o", "error_file_id": "e"}, (None, "o", "e", None)),
        ({"output_file": "o", "error_file": None}, (None, "o", None, None)),
        ({"results_url": "u"}, (None, None, None, "u")),
        (
            {"metadata": {"inputConfig": {"fileName": "files/i"}, "output": {"responsesFile": "files/o"}}},
            ("files/i", "files/o", None, None),
        ),
    ],
)
def test_files_are_found_in_the_objects_of_every_wire(raw: JsonObject, files: tuple[str | None, ...]) -> None:
    found = job_info(batch(Stage.COMPLETED, raw)).files

    assert (
        found.input_file_id,
        found.output_file_id,
        found.error_file_id,
        found.results_url,
    ) == files


def test_a_failed_batch_says_why_with_its_code() -> None:
    raw = {"errors": {"data": [{"code": "too_many_tasks", "message": "no"}]}}

    error = job_info(batch(Stage.FAILED, raw, error="no")).error

    assert error is not None
    assert (error.error_message, error.error_code) == ("no", "too_many_tasks")
