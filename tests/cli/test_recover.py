"""Submits that did not come to their end: found, taken over, carried on or forgotten; never paid twice."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Hosted
from tests.support import chat, write_lines

SUBMIT = ("submit", "r.jsonl", "-m", "openai/simulate", "-q")
LOST: dict[str, Any] = {"route": "POST /v1/batches", "nth": 1, "fault": "reset", "when": "after"}
NO_LIST = {"route": "GET /v1/batches", "fault": "status", "status": 404}


@pytest.fixture(autouse=True)
def requests(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "r.jsonl", [chat(f"r{n}", f"text {n}") for n in range(3)])


def lose(hosted: Hosted, *rules: Any) -> str:
    """Submit with an answer that is lost while batches cannot be listed; give the submit's id."""
    hosted.play(rules=[*rules, NO_LIST])
    done = hosted(*SUBMIT)
    assert done.code == 11
    submit = next(word.rstrip(",") for word in done.err.split() if word.startswith("bci_"))
    assert f"batch-cli recover {submit}" in done.err
    hosted.play("ok")
    return submit


def test_nothing_open_is_said(hosted: Hosted) -> None:
    done = hosted("recover")

    assert (done.code, done.out) == (0, "")
    assert "nothing is unfinished" in done.err


def test_a_batch_whose_answer_was_lost_is_taken_over(hosted: Hosted) -> None:
    submit = lose(hosted, LOST)

    found = hosted("recover", "--json")

    assert found.code == 0
    (one,) = found.json["intents"]
    assert (one["id"], one["state"], one["action"]) == (submit, "creating", "adopted")
    assert one["batch_id"] == hosted.batches()[0]["id"]
    assert hosted(*SUBMIT).out.strip() == one["batch_id"]
    assert len(hosted.batches()) == 1


def test_it_stays_unknown_while_the_provider_cannot_be_asked(hosted: Hosted) -> None:
    lose(hosted, LOST)
    hosted.play(rules=[NO_LIST])

    done = hosted("recover")

    assert done.code == 11
    assert "needs-you" in done.out
    assert "nothing was sent again" in done.err
    assert len(hosted.batches()) == 1


def test_where_there_is_no_batch_only_a_named_submit_is_carried_on(hosted: Hosted) -> None:
    submit = lose(hosted, {**LOST, "when": "before"})

    looked = hosted("recover", "--json")
    assert (looked.code, looked.json["intents"][0]["action"]) == (0, "none")
    assert hosted.batches() == []

    named = hosted("recover", submit[:12], "--json")
    assert (named.code, named.json["intents"][0]["action"]) == (0, "resumed")
    assert [batch["id"] for batch in hosted.batches()] == [named.json["intents"][0]["batch_id"]]
    assert hosted("recover", submit, "--json").json["intents"][0]["action"] == "done"


def test_discarding_needs_an_id_and_a_yes(hosted: Hosted) -> None:
    submit = lose(hosted, {**LOST, "when": "before"})

    assert hosted("recover", "--discard").code == 2
    assert hosted("recover", submit, "--discard").code == 2
    assert hosted("recover", submit, "--discard", "--yes").code == 0
    assert hosted("recover", submit).code == 9
    assert "nothing is unfinished" not in hosted("recover").err


def test_an_unknown_submit_is_refused(hosted: Hosted) -> None:
    done = hosted("recover", "bci_nobody")

    assert done.code == 9
    assert "no open submit 'bci_nobody' is known here" in done.err


def test_files_that_no_batch_uses_are_shown_and_deleted_only_if_asked_for(hosted: Hosted) -> None:
    submit = lose(hosted, {**LOST, "when": "before"})
    hosted("recover", submit, "--discard", "--yes")
    used = hosted(*SUBMIT[:-1], "--again", "-q", "--description", "x").out
    assert used

    shown = hosted("recover", "--json").json
    (orphan,) = shown["orphan_files"]
    assert orphan["name"] == f"{submit}.jsonl"
    assert shown["deleted"] == []
    assert hosted("recover", "--gc").code == 2

    assert [one["id"] for one in hosted("recover", "--gc", "--yes", "--json").json["deleted"]] == [
        orphan["id"]
    ]
    assert hosted("recover", "--json").json["orphan_files"] == []
    assert hosted("wait").code == 0


def test_a_file_whose_submit_is_open_is_no_orphan(hosted: Hosted) -> None:
    lose(hosted, {**LOST, "when": "before"})

    assert hosted("recover", "--json").json["orphan_files"] == []


def test_a_second_batch_of_one_submit_is_shown_with_its_cancel(hosted: Hosted) -> None:
    first = hosted(*SUBMIT).out.strip()
    (made,) = hosted.batches()
    twin = {"input_file_id": made["input_file_id"], "metadata": made["metadata"]}
    again = {**twin, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    with hosted.server.http() as http:
        second = http.post("/v1/batches", json=again).json()["id"]

    done = hosted("recover")

    assert done.code == 0
    assert f"fix: batch-cli cancel {second} --provider openai" in done.err
    hosted("delete", first, "--yes", "--force")
    assert first not in hosted("recover").err  # its deletion is remembered


def test_another_account_settles_nothing(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    lose(hosted, LOST)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another")

    done = hosted("recover")

    assert done.code == 11
    assert "it was begun with another key or address" in done.err


def test_a_submit_that_another_process_works_at_is_left_alone(hosted: Hosted, tmp_path: Path) -> None:
    from batch_cli.clock import SystemClock
    from batch_cli.files import held
    from batch_cli.state import Journal

    lose(hosted, LOST)
    journal = Journal(tmp_path / "state", SystemClock())
    lock = journal.lock(journal.open_intents()[0].content[:32])
    assert lock is not None

    with held(lock):
        done = hosted("recover")

    assert done.code == 9
    assert "busy" in done.out


def test_what_abandoned_submits_left_here_is_deleted_and_what_is_in_use_stays(
    hosted: Hosted, tmp_path: Path
) -> None:
    hosted(*SUBMIT)
    ids = tmp_path / "state" / "ids"
    (used,) = ids.iterdir()
    left = tmp_path / "state" / "spool" / "bci_gone.json"
    left.parent.mkdir()
    young = ids / "young.ids"
    for path in (left, young):
        path.write_bytes(b"12345")
    for path in (used, left):
        os.utime(path, (1, 1))

    assert "1 file (5 B) on this machine of submits that came to nothing" in hosted("recover").err
    assert hosted("recover", "--json").json["local_files"] == ["spool/bci_gone.json"]
    assert hosted("recover", "--gc", "--yes", "--json").json["local_deleted"] == ["spool/bci_gone.json"]

    assert not left.exists()
    assert used.exists()
    assert young.exists()
