"""Whatever happens to the create of an Anthropic batch: the same submit again leads to one batch, billed once."""

from __future__ import annotations

import sqlite3
from typing import Any

import httpx
import pytest

from batch_cli.providers.hosted import anthropic
from tests.contract.grounds import message
from tests.hosted.conftest import Account
from tests.support import read_lines

pytestmark = pytest.mark.soak

_HEADERS = {"x-api-key": "any", "anthropic-version": "2023-06-01"}

FAULTS: dict[str, dict[str, Any]] = {
    "answer lost": {"fault": "reset", "when": "after"},
    "reset before": {"fault": "reset", "when": "before"},
    "both resets": {"fault": "reset", "when": "before", "nth": [1, 2]},
    "closed after": {"fault": "close", "when": "after"},
    "500 before": {"fault": "status", "status": 500},
    "500 after": {"fault": "status", "status": 500, "when": "after"},
    "502 after": {"fault": "status", "status": 502, "when": "after"},
    "bare 503": {"fault": "status", "status": 503},
    "409 after": {"fault": "status", "status": 409, "when": "after"},
    "529 with Retry-After": {"fault": "status", "status": 529, "retry_after": 1},
    "529 without": {"fault": "status", "status": 529},
    "429": {"fault": "status", "status": 429, "retry_after": 1},
    "garbage": {"fault": "garbage", "when": "after"},
    "page": {"fault": "html", "status": 200, "when": "after"},
    "empty": {"fault": "body", "text": "", "when": "after"},
    "another object": {"fault": "body", "text": '{"id": 3}', "when": "after"},
    "truncated": {"fault": "truncate"},
    "too long": {"fault": "long_body"},
    "redirect": {"fault": "redirect", "to": "same"},
    "redirect elsewhere": {"fault": "redirect", "to": "other"},
    "no answer": {"fault": "hang", "when": "after"},
    "no answer, no work": {"fault": "hang"},
    "late work": {"fault": "late", "seconds": 0.8},
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_submit_and_the_same_again_make_one_batch_that_is_billed_once(
    account: Account, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(anthropic, "_ANSWER_SECONDS", 0.3)
    account.fault(**FAULTS[name])

    first = account.submit()
    assert first.code in (0, 6, 11), first.err
    again = account.submit()

    assert again.code == 0, again.err
    (batch,) = account.batches()
    assert again.out.strip() == batch["id"]
    done = account.cli("results", "--wait", "-o", "out.jsonl")
    assert done.code == 0, done.err
    assert [row["custom_id"] for row in read_lines(account.directory / "out.jsonl")] == [
        f"r{n}" for n in range(5)
    ]
    (batch,) = account.batches()
    assert (batch["requests"], batch["billed"]) == (5, 5)
    assert not [path for path in (account.directory / "state" / "spool").iterdir() if path.suffix == ".json"]


def test_a_refusal_for_good_says_why_and_creates_nothing(account: Account) -> None:
    account.fault(fault="status", status=400, message="requests.0.params: Field required")

    done = account.submit()

    assert done.code == 5
    assert "requests.0.params: Field required" in done.err
    assert account.batches() == []


def test_a_wait_longer_than_anybody_waits_is_told_and_not_waited_for(account: Account) -> None:
    account.fault(fault="status", status=529, retry_after=86_400)

    done = account.submit()

    assert done.code == 6
    assert "in 1,440 minutes" in done.err
    assert account.batches() == []


def test_a_batch_that_was_taken_for_ours_is_told_to_be_probable(account: Account) -> None:
    account.fault(fault="reset", when="after")

    done = account.submit()

    assert done.code == 0
    assert "is probably the batch of this submit: the only new one with 5 requests" in done.err


def test_what_others_created_before_or_of_another_size_is_not_taken(account: Account) -> None:
    _create_by_others(account, 5)
    account.play(
        rules=[{"route": "POST /v1/messages/batches", "nth": 1, "fault": "reset"}],
    )

    done = account.submit(5)

    assert done.code == 0
    assert "probably" not in done.err
    assert len(account.batches()) == 2


def _create_by_others(account: Account, count: int, prefix: str = "x") -> str:
    body = {"requests": [message(f"{prefix}{n}", "Hi") for n in range(count)]}
    sent = httpx.post(f"{account.server.url}/v1/messages/batches", json=body, headers=_HEADERS)
    found: str = sent.json()["id"]
    return found


def test_of_two_that_it_can_be_none_is_taken_and_both_are_named(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anthropic, "_LOCAL_QUIESCE", 0.0)
    account.fault(fault="reset", nth=[1, 2])
    assert account.submit().code == 11
    account.play("ok")
    names = [_create_by_others(account, 5) for _ in range(2)]

    done = account.submit()

    assert done.code == 11
    assert all(name in done.err for name in names)
    assert len(account.batches()) == 2


def test_two_submits_of_one_size_that_both_wait_for_an_answer_take_no_batch(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anthropic, "_LOCAL_QUIESCE", 0.0)
    account.fault(fault="reset", nth=[1, 2, 3, 4])
    assert account.submit(5).code == 11
    assert account.submit(5, prefix="q").code == 11
    account.play("ok")
    other = _create_by_others(account, 5)

    done = account.submit(5)

    assert done.code == 11
    assert other in done.err


def test_results_that_answer_other_requests_show_that_the_batch_is_not_ours(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anthropic, "_LOCAL_QUIESCE", 0.0)
    account.fault(fault="reset", nth=[1, 2])
    assert account.submit().code == 11
    other = _create_by_others(account, 5)
    assert account.submit().out.strip() == other
    assert account.cli("wait").code == 0

    done = account.cli("results", "-o", "out.jsonl")

    assert done.code == 13
    assert f"{other} is not the batch of this submit: it answers 'x" in done.err
    assert "--again" in done.err
    assert not (account.directory / "out.jsonl").exists()


def test_a_crash_between_the_answer_and_the_journal_leaves_no_doubt(account: Account) -> None:
    batch_id = account.submit().out.strip()
    database = sqlite3.connect(account.directory / "state" / "journal.db")
    with database:
        database.execute("update intent set state = 'creating', batch = null")
    database.close()

    done = account.submit()

    assert done.code == 0
    assert done.out.strip() == batch_id
    assert "probably" not in done.err
    assert len(account.batches()) == 1


def test_the_key_is_in_no_file_of_ours(account: Account) -> None:
    account.fault(fault="reset", when="after")
    done = account.submit(3, "-vv")

    kept = b"".join(path.read_bytes() for path in (account.directory / "state").rglob("*") if path.is_file())
    assert b"sk-ant-test" not in kept
    assert "sk-ant-test" not in done.out + done.err
