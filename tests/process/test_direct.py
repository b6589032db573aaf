"""`--via direct`: the requests of a file sent one by one, by processes that can die at any moment."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.live_server import Came, LiveServer, Says
from tests.support import chat, clean_environment, read_lines, write_lines

KEY = "sk-test-1234567890"
MODEL = ("-m", "openai/gpt-4o-mini", "--via", "direct")


def requests(directory: Path, count: int) -> None:
    write_lines(directory / "r.jsonl", [chat(f"r{n}", f"row {n}", model="gpt-4o-mini") for n in range(count)])


def keys(server: LiveServer, **more: str) -> dict[str, str]:
    return {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.url, **more}


def started(directory: Path, env: dict[str, str], *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "batch_cli", *words],
        cwd=directory,
        env=clean_environment(directory, env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_until(condition: Any, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def test_the_same_file_runs_live_with_the_key_in_its_header_alone(tmp_path: Path, process: Cli) -> None:
    requests(tmp_path, 50)
    with LiveServer() as server:
        done = process("submit", "r.jsonl", *MODEL, "--wait", "--results", "o.jsonl", env=keys(server))

    assert done.code == 0, done.err
    assert "billed at full price; a batch costs 50% less" in done.err
    assert [row["custom_id"] for row in read_lines(tmp_path / "o.jsonl")] == [f"r{n}" for n in range(50)]
    assert server.answered == Counter({f"row {n}": 1 for n in range(50)})
    assert {came.path for came in server.came} == {"/v1/chat/completions"}
    assert {came.headers["authorization"] for came in server.came} == {f"Bearer {KEY}"}
    assert (tmp_path / "openai_batch_id.txt").read_text().startswith("direct_")
    for path in (tmp_path / "state").rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes(), path


def test_a_background_worker_gets_the_key_by_a_pipe_and_every_command_knows_its_batch(
    tmp_path: Path, process: Cli
) -> None:
    requests(tmp_path, 40)

    def slow(_came: Came) -> Says:
        return Says(seconds=0.3)

    with LiveServer(slow) as server:
        submitted = process("submit", "r.jsonl", *MODEL, "--max-concurrent", "2", env=keys(server))
        batch_id = submitted.out.strip()
        wait_until(lambda: server.came)
        (worker,) = process("worker", "status", "--json").json["workers"]
        for name in ("environ", "cmdline"):
            assert KEY.encode() not in Path(f"/proc/{worker['pid']}/{name}").read_bytes()
        # None of these needs a key.
        assert process("status", batch_id, "--json").json["batch"]["status"] == "in_progress"
        assert process("list", "--json").json["batches"][0]["id"] == batch_id
        waited = process("wait", batch_id, env=keys(server))
        assert waited.code == 0, waited.err
        assert server.peak == 2, "the one that waits does not work beside the worker"

    assert process("results", "-o", "o.jsonl").code == 0
    assert len(read_lines(tmp_path / "o.jsonl")) == 40
    assert server.answered == Counter({f"row {n}": 1 for n in range(40)})
    assert process("delete", batch_id, "--yes").code == 0
    assert process("status", batch_id).code == 2


def test_the_same_line_goes_on_after_kill_9_and_sends_no_finished_row_again(
    tmp_path: Path, process: Cli
) -> None:
    requests(tmp_path, 300)

    def slow(_came: Came) -> Says:
        return Says(seconds=0.02)

    line = ("submit", "r.jsonl", *MODEL, "--max-concurrent", "8", "--wait", "--results", "o.jsonl")
    kills = 0
    with LiveServer(slow) as server:
        for enough in (40, 100, 180):
            running = started(tmp_path, keys(server), *line)
            wait_until(lambda enough=enough: sum(server.answered.values()) >= enough)
            running.kill()
            running.communicate()
            kills += 1
        done = process(*line, env=keys(server))

    assert done.code == 0, done.err
    assert len(server.answered) == 300
    assert sum(server.answered.values()) <= 300 + kills * 8, "only what was in flight is sent again"
    assert [row["custom_id"] for row in read_lines(tmp_path / "o.jsonl")] == [f"r{n}" for n in range(300)]


def test_the_first_ctrl_c_waits_for_answers_and_the_second_does_not(tmp_path: Path) -> None:
    requests(tmp_path, 30)
    with LiveServer(lambda _came: Says(seconds=1.0)) as server:
        running = started(
            tmp_path, keys(server), "submit", "r.jsonl", *MODEL, "--max-concurrent", "4", "--wait"
        )
        wait_until(lambda: server.in_flight == 4)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=20)
        assert running.returncode == 130
        assert b"is paused: 4 of 30 requests done" in err
        assert len(server.came) == 4

        server.script = lambda _came: Says(seconds=30)
        running = started(
            tmp_path, keys(server), "submit", "r.jsonl", *MODEL, "--max-concurrent", "4", "--wait"
        )
        wait_until(lambda: server.in_flight == 4)
        running.send_signal(signal.SIGINT)
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=10)
        assert running.returncode == 130


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (429, {"code": "insufficient_quota", "message": "You exceeded your current quota"}, 5),
        (401, {"code": "invalid_api_key", "message": "Incorrect API key provided"}, 4),
    ],
)
def test_what_concerns_the_account_stops_the_run_and_keeps_what_is_done(
    tmp_path: Path, process: Cli, status: int, error: dict[str, str], code: int
) -> None:
    requests(tmp_path, 40)

    def ends(came: Came) -> Says:
        return Says(status, {"error": error}) if came.number >= 15 else Says()

    line = ("submit", "r.jsonl", *MODEL, "--no-concurrent", "--wait", "--results", "o.jsonl")
    with LiveServer(ends) as server:
        stopped = process(*line, env=keys(server))
        assert stopped.code == code, stopped.err
        assert error["message"] in stopped.err
        assert "run the same command again" in stopped.err
        assert len(server.came) == 16, "no other row is tried"
        assert server.peak == 1
        told = process("status", "--json").json["batch"]
        assert (told["status"], told["counts"]["completed"]) == ("in_progress", 15)

        server.script = lambda _came: Says()
        assert process(*line, env=keys(server)).code == 0
        assert server.answered == Counter({f"row {n}": 1 for n in range(40)})


def test_a_cancel_stops_a_background_run(tmp_path: Path, process: Cli) -> None:
    requests(tmp_path, 200)
    with LiveServer(lambda _came: Says(seconds=0.1)) as server:
        batch_id = process("submit", "r.jsonl", *MODEL, "--max-concurrent", "2", env=keys(server)).out.strip()
        wait_until(lambda: len(server.came) > 4)
        assert process("cancel", batch_id).code == 0
        wait_until(lambda: process("status", batch_id, "--json").json["batch"]["status"] == "cancelled")
        assert len(server.came) < 100


def test_worker_stop_ends_a_background_run_and_wait_goes_on(tmp_path: Path, process: Cli) -> None:
    requests(tmp_path, 60)
    with LiveServer(lambda _came: Says(seconds=0.2)) as server:
        process("submit", "r.jsonl", *MODEL, "--max-concurrent", "2", env=keys(server))
        wait_until(lambda: len(server.came) > 3)
        assert process("worker", "stop").code == 0
        sent = len(server.came)
        assert sent < 60
        assert process("worker", "status", "--json").json["workers"] == []

        server.script = lambda _came: Says()
        assert process("wait", env=keys(server)).code == 0
        assert server.answered == Counter({f"row {n}": 1 for n in range(60)})


def test_nothing_goes_live_without_the_users_word(tmp_path: Path, process: Cli) -> None:
    requests(tmp_path, 1)
    with LiveServer() as server:
        given = process(
            "submit", "r.jsonl", "-m", "openai/gpt-4o-mini", "--base-url", server.url, env=keys(server)
        )
        plain = process("submit", "r.jsonl", "-m", "openai/gpt-4o-mini", env=keys(server))

        assert (given.code, "add --via direct" in given.err) == (2, True)
        assert plain.code != 0
        assert all(came.path.startswith("/v1/files") for came in server.came)


def test_a_model_server_of_ones_own_is_asked_without_a_key(tmp_path: Path, process: Cli) -> None:
    (tmp_path / "p.txt").write_text("one\ntwo\n")
    with LiveServer() as server:
        done = process("submit", "p.txt", "-m", "local/llama3", "--base-url", server.url, "--wait", "--json")

    assert done.code == 0, done.err
    assert done.json["batch"]["simulated"] is False
    assert sorted(server.answered) == ["one", "two"]
    assert {came.body["model"] for came in server.came} == {"llama3"}
    assert not any("authorization" in came.headers for came in server.came)


def test_the_key_is_not_sent_over_a_network_in_the_clear(tmp_path: Path, process: Cli) -> None:
    requests(tmp_path, 1)
    words = ("submit", "r.jsonl", *MODEL, "--base-url", "http://10.0.0.7:8000/v1", "--wait")

    done = process(*words, env={"OPENAI_API_KEY": KEY})

    assert done.code == 4
    assert "without encryption" in done.err


def test_what_a_json_row_says_is_what_the_provider_said(tmp_path: Path, process: Cli) -> None:
    requests(tmp_path, 2)
    refusal = {"error": {"message": "too long", "type": "invalid_request_error", "code": "context_length"}}

    def second_fails(came: Came) -> Says:
        return Says(400, refusal) if came.text == "row 1" else Says()

    with LiveServer(second_fails) as server:
        done = process("submit", "r.jsonl", *MODEL, "--wait", "--results", "o.jsonl", env=keys(server))

    assert done.code == 7
    good, bad = read_lines(tmp_path / "o.jsonl")
    assert good["response"]["body"]["choices"][0]["message"]["content"] == "Hello"
    assert (bad["response"]["status_code"], bad["error"]["code"]) == (400, "context_length")
    assert len(server.came) == 2, "a refusal is never tried again"


def test_a_server_with_less_room_than_asked_for_fails_no_row(tmp_path: Path, process: Cli) -> None:
    requests(tmp_path, 120)
    with LiveServer() as server:

        def busy(_came: Came) -> Says:
            return (
                Says(429, {"error": {"message": "slow down"}}) if server.in_flight > 3 else Says(seconds=0.02)
            )

        server.script = busy
        words = ("submit", "r.jsonl", *MODEL, "--max-concurrent", "16", "--wait")
        done = process(*words, env=keys(server))

    assert done.code == 0, done.err
    assert server.answered == Counter({f"row {n}": 1 for n in range(120)})
    assert server.peak <= 16


def test_several_servers_share_the_work_by_weight_and_a_dead_one_is_left_alone(
    tmp_path: Path, process: Cli
) -> None:
    requests(tmp_path, 200)

    def slow(_came: Came) -> Says:
        return Says(seconds=0.01)

    with LiveServer(slow) as one, LiveServer(slow) as three:
        dead = "http://127.0.0.1:9/v1"
        urls = [one.url, f"{three.url}=3", dead]
        words = [word for url in urls for word in ("--base-url", url)]
        done = process("submit", "r.jsonl", "-m", "local/m", *words, "--max-concurrent", "8", "--wait")

    assert done.code == 0, done.err
    assert f"the model server at {dead} is not there" in done.err
    assert one.answered + three.answered == Counter({f"row {n}": 1 for n in range(200)})
    assert 2 <= len(three.came) / len(one.came) <= 4


def test_requests_a_minute_are_spread(tmp_path: Path, process: Cli) -> None:
    requests(tmp_path, 4)
    arrived = []
    with LiveServer() as server:

        def note(_came: Came) -> Says:
            arrived.append(time.monotonic())
            return Says()

        server.script = note
        assert process("submit", "r.jsonl", *MODEL, "--rpm", "120", "--wait", env=keys(server)).code == 0

    # Each a half second behind the one before; how late it is, is the machine's affair.
    assert arrived[-1] - arrived[0] >= 1.4


def twins(directory: Path, count: int) -> None:
    """Write requests of which each says what nine others say."""
    lines = [chat(f"r{n}", f"row {n // 10}", model="gpt-4o-mini") for n in range(count)]
    write_lines(directory / "r.jsonl", lines)


def test_identical_requests_are_sent_once_where_that_is_asked_for(tmp_path: Path, process: Cli) -> None:
    twins(tmp_path, 100)
    words = ("submit", "r.jsonl", *MODEL, "--dedupe", "--wait", "--results", "o.jsonl")
    with LiveServer(lambda _came: Says(seconds=0.01)) as server:
        done = process(*words, env=keys(server))

    assert done.code == 0, done.err
    assert server.answered == Counter({f"row {n}": 1 for n in range(10)})
    assert "90 requests were not sent, because the same had been answered: 450 tokens saved" in done.err
    rows = read_lines(tmp_path / "o.jsonl")
    assert [row["custom_id"] for row in rows] == [f"r{n}" for n in range(100)]
    assert {row["response"]["body"]["choices"][0]["message"]["content"] for row in rows} == {"Hello"}


def test_unchanged_rows_of_a_later_file_come_from_the_cache(tmp_path: Path, process: Cli) -> None:
    requests(tmp_path, 20)
    words = ("submit", "r.jsonl", *MODEL, "--cache", "--wait", "--results")
    with LiveServer() as server:
        assert process(*words, "1.jsonl", env=keys(server)).code == 0
        requests(tmp_path, 25)
        done = process(*words, "2.jsonl", env=keys(server))
        without = process("submit", "r.jsonl", *MODEL, "--again", "--wait", env=keys(server))

    assert done.code == without.code == 0
    assert "20 requests were not sent" in done.err
    assert len(read_lines(tmp_path / "2.jsonl")) == 25
    assert len(server.came) == 20 + 5 + 25


def test_a_completion_is_asked_as_a_chat_where_the_server_only_chats(tmp_path: Path, process: Cli) -> None:
    lines = [
        {
            "custom_id": f"r{n}",
            "method": "POST",
            "url": "/v1/completions",
            "body": {"model": "gpt-4o-mini", "prompt": f"row {n}", "max_tokens": 5},
        }
        for n in range(10)
    ]
    write_lines(tmp_path / "r.jsonl", lines)

    def only_chats(came: Came) -> Says:
        is_chat = came.path.endswith("/chat/completions")
        return Says() if is_chat else Says(404, {"error": {"message": "This is a chat model"}})

    words = ("submit", "r.jsonl", *MODEL, "--no-concurrent", "--wait")
    with LiveServer(only_chats) as server:
        refused = process(*words, env=keys(server))
        tried = len(server.came)
        done = process(*words, "--auto-path", "--again", env=keys(server))

    assert refused.code == 10
    assert done.code == 0, done.err
    assert server.answered == Counter({f"row {n}": 1 for n in range(10)})
    assert len(server.came) - tried == 11, "the first refusal is remembered"
    assert server.came[-1].body["max_tokens"] == 5


def test_run_takes_a_file_to_its_answers_live_and_goes_on_after_a_kill(tmp_path: Path, process: Cli) -> None:
    requests(tmp_path, 60)

    def slow(_came: Came) -> Says:
        return Says(seconds=0.05)

    line = ("run", "r.jsonl", "-o", "o.jsonl", *MODEL, "--max-concurrent", "4")
    with LiveServer(slow) as server:
        running = started(tmp_path, keys(server), *line)
        wait_until(lambda: sum(server.answered.values()) >= 12)
        running.kill()
        running.communicate()
        done = process(*line, env=keys(server))

    assert done.code == 0, done.err
    assert len(server.answered) == 60
    assert sum(server.answered.values()) <= 60 + 4, "what was answered before the kill is not sent again"
    assert len(read_lines(tmp_path / "o.jsonl")) == 60
