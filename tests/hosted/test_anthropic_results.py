"""What becomes of the results of Anthropic's batches when they come oddly, in part or not at all."""

from __future__ import annotations

import shutil
from collections import Counter

import pytest

from tests.hosted.conftest import Account
from tests.support import Done, read_lines


def collect(account: Account, count: int = 20, *words: str) -> Done:
    submitted = account.submit(count)
    assert submitted.code == 0, submitted.err
    return account.cli("results", "--wait", "-o", "out.jsonl", *words)


def errors(account: Account) -> Counter[str]:
    rows = read_lines(account.directory / "out.jsonl")
    assert [row["custom_id"] for row in rows] == [f"r{n}" for n in range(len(rows))]
    kinds = (row["error"]["type"] if row["error"] else "ok" for row in rows)
    return Counter("failed" if kind.endswith("_error") else kind for kind in kinds)


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        ("shuffled", 0, {"ok": 20}),
        ("missing-rows", 7, {"ok": 18, "missing": 2}),
        ("partial", 7, {"ok": 14, "failed": 6}),
        ("expired-partial", 7, {"ok": 10, "expired": 10}),
        ("expired-empty", 10, {"expired": 20}),
        ("cancelled-partial", 7, {"ok": 10, "cancelled": 10}),
        ("all-failed", 10, {"failed": 20}),
        ("null-counts", 0, {"ok": 20}),
        ("unknown-status", 0, {"ok": 20}),
    ],
)
def test_whatever_came_is_saved_in_input_order_and_the_rest_is_named(
    account: Account, name: str, code: int, expected: dict[str, int]
) -> None:
    account.play(name)

    done = collect(account)

    assert errors(account) == expected
    assert done.code == code, done.err


def test_a_torn_line_costs_its_own_row_alone_and_is_said_loudly(account: Account) -> None:
    account.play("torn")

    done = collect(account)

    assert done.code == 13
    assert "1 line that cannot be read as a result" in done.err
    assert errors(account) == {"ok": 19, "missing": 1}
    assert (account.directory / "out.jsonl.damaged.jsonl").read_bytes().count(b"\n") == 1


def test_rows_that_come_twice_are_written_once_with_a_warning(account: Account) -> None:
    account.play("duplicated-rows")

    done = collect(account)

    assert done.code == 0
    assert "2 results came twice with the same content" in done.err
    assert errors(account) == {"ok": 20}


def test_results_that_are_elsewhere_are_refused_and_leave_no_file(account: Account) -> None:
    account.play("foreign-results")

    done = collect(account)

    assert done.code == 13
    assert "are said to be at 'http://results.invalid/'" in done.err
    assert not (account.directory / "out.jsonl").exists()
    assert not list((account.directory / "state" / "downloads").glob("*.data"))


@pytest.mark.parametrize(
    "rules",
    [
        [{"fault": "truncate", "keep": 0.5, "first": 2}],
        [{"fault": "truncate", "keep": 0.5, "nth": 1}, {"fault": "ignore_range"}],
        [{"fault": "reset", "first": 2}],
        [{"fault": "status", "status": 529, "first": 2}],
    ],
    ids=["cut", "cut without ranges", "reset", "overloaded"],
)
def test_a_download_that_breaks_off_goes_on(account: Account, rules: list[dict[str, object]]) -> None:
    route = "GET /v1/messages/batches/*/results"
    account.play(rules=[{"route": route, **rule} for rule in rules])

    done = collect(account)

    assert done.code == 0, done.err
    assert errors(account) == {"ok": 20}


def test_results_that_are_gone_are_said_to_be_gone(account: Account) -> None:
    account.play("results-expired")

    done = collect(account)

    assert done.code == 5
    assert "the results are not there any more" in done.err


def test_archived_results_name_the_time_that_anthropic_keeps_them(account: Account) -> None:
    archived = {"archived_at": "2026-11-21T00:00:00Z", "results_url": None}
    account.play(rules=[{"route": "GET /v1/messages/batches/*", "fault": "edit", "replace": archived}])

    done = collect(account)

    assert done.code == 5
    assert "Anthropic keeps results for 29 days" in done.err


def test_on_another_machine_results_come_as_they_are_and_the_order_is_said_to_be_unknown(
    account: Account,
) -> None:
    batch_id = account.submit(3).out.strip()
    assert account.cli("wait").code == 0
    shutil.rmtree(account.directory / "state")

    ordered = account.cli("results", batch_id, "-o", "out.jsonl")
    as_they_come = account.cli("results", batch_id, "-o", "out.jsonl", "--order", "as-is")

    assert ordered.code == 9
    assert f"the requests of {batch_id} are not known on this machine" in ordered.err
    assert "--order as-is" in ordered.err
    assert as_they_come.code == 0, as_they_come.err
    assert errors(account) == {"ok": 3}


def test_a_running_batch_is_not_deleted_and_the_way_is_shown(account: Account) -> None:
    account.play("stuck")
    batch_id = account.submit(3).out.strip()

    done = account.cli("delete", batch_id, "--yes", "--force")

    assert done.code == 9
    assert f"batch-cli cancel {batch_id}" in done.err
    assert account.cli("cancel", batch_id).code == 0


def test_a_cut_answer_to_a_poll_is_asked_for_again(account: Account) -> None:
    account.play(rules=[{"route": "GET /v1/messages/batches/*", "every": 2, "fault": "truncate"}])

    assert collect(account).code == 0
