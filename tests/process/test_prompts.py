"""Prompts the gen_ai way: typed or in a file, asked live, in order, so many at once, each with its own error."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.faulty import chat_answer
from tests.live_server import Came, LiveServer, Says
from tests.support import Done, chat, clean_environment, read_lines, write_lines

KEY = "sk-canary-1234567890"
PROMPTS = [f"prompt {number}" for number in range(24)]
FIELDS = ("url", "method", "status_code", "error_type", "message", "suggestion")


def typed(*prompts: str) -> list[str]:
    return [word for prompt in prompts for word in ("--prompt", prompt)]


def echo(came: Came, seconds: float = 0.0) -> Says:
    if came.body is None:  # a question whether it is there
        return Says()
    return Says(body=chat_answer(came.text.upper()), seconds=seconds)


def keys(server: LiveServer) -> dict[str, str]:
    return {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.url}


def answers(done: Done) -> list[Any]:
    rows = [json.loads(line) for line in done.out.splitlines()]
    return [row["response"]["body"]["choices"][0]["message"]["content"] for row in rows]


@pytest.mark.parametrize(
    ("words", "peak"), [((), 5), (("--max-concurrent", "3"), 3), (("--no-concurrent",), 1)]
)
def test_answers_come_in_the_order_of_the_prompts_and_never_more_are_under_way_than_was_said(
    process: Cli, words: tuple[str, ...], peak: int
) -> None:
    dice = random.Random(7)
    with LiveServer(lambda came: echo(came, dice.uniform(0.01, 0.06))) as server:
        done = process("run", *typed(*PROMPTS), "-m", "openai/gpt-4o-mini", *words, env=keys(server))

    assert done.code == 0, done.err
    assert answers(done) == [prompt.upper() for prompt in PROMPTS]
    assert server.peak == peak
    assert len(server.came) == len(PROMPTS)


def test_prompts_are_asked_with_the_defaults_of_gen_ai_and_the_price_is_said_once(
    tmp_path: Path, process: Cli
) -> None:
    with LiveServer(echo) as server:
        first = process("run", *typed("a"), "-m", "openai/gpt-4o-mini", env=keys(server))
        words = ("--max-tokens", "7", "--temperature", "0.5", "--top-p", "0.9")
        process("run", *typed("b"), "-m", "openai/gpt-4o-mini", *words, env=keys(server))

    asked = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "a"}]}
    assert server.came[0].body == {**asked, "max_tokens": 256, "temperature": 0}
    said = server.came[1].body
    assert (said["max_tokens"], said["temperature"], said["top_p"]) == (7, 0.5, 0.9)
    assert first.err.count("billed at full price") == 1
    assert not (tmp_path / "openai_batch_id.txt").exists(), "a question does not become the latest batch"


def test_a_system_message_goes_with_every_prompt_in_the_words_of_its_provider(
    tmp_path: Path, process: Cli
) -> None:
    said = Says(body={"content": [{"type": "text", "text": "yes"}], "usage": {}})
    with LiveServer(echo) as server, LiveServer(lambda _: said) as other:
        done = process("run", *typed("a"), "-m", "openai/m", "--system", "Be kind", env=keys(server))
        env = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": other.url}
        process("run", *typed("a"), "-m", "anthropic/m", "--system", "Be kind", env=env)
        write_lines(tmp_path / "r.jsonl", [chat("r", "a")])
        refused = process("run", "r.jsonl", "-m", "openai/m", "--system", "Be kind", env=keys(server))

    assert done.code == 0, done.err
    assert server.came[0].body["messages"][0] == {"role": "system", "content": "Be kind"}
    assert other.came[0].body["system"] == "Be kind"
    assert refused.code == 2
    assert "holds requests, not prompts" in refused.err


@pytest.mark.parametrize(
    ("model", "words", "dollars"),
    [
        ("openai/gpt-4o-mini", (), 0.75),
        ("openai/nobody-knows", (), None),
        ("openai/nobody-knows", ("--price", "1/2.5"), 3.5),
    ],
)
def test_the_cost_is_told_where_the_price_is_known(
    process: Cli, model: str, words: tuple[str, ...], dollars: float | None
) -> None:
    usage = {"prompt_tokens": 500_000, "completion_tokens": 500_000, "total_tokens": 1_000_000}
    with LiveServer(lambda _: Says(body={**chat_answer(), "usage": usage})) as server:
        done = process("run", *typed("a", "b"), "-m", model, *words, "--progress", "json", env=keys(server))

    told = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    assert [one["cost_usd"] for one in told if "cost_usd" in one][-1] == dollars
    assert ("2,000,000 tokens: about $" in done.err) == (dollars is not None)


def test_a_price_that_is_none_is_refused(process: Cli) -> None:
    for words in (("--price", "cheap"), ("--price", "1/2", "--via", "batch")):
        done = process("run", *typed("a"), "-m", "openai/m", *words, env={"OPENAI_API_KEY": KEY})
        assert done.code == 2
        assert "--price" in done.err


def test_a_file_is_asked_live_only_where_the_user_says_so(tmp_path: Path, process: Cli) -> None:
    (tmp_path / "prompts.txt").write_text("a\nb\n")
    words = ("run", "prompts.txt", "-m", "openai/gpt-4o-mini", "-o", "o.jsonl")
    with LiveServer(echo) as server:
        process(*words, "--max-wait", "1s", env=keys(server))
        assert not any(came.path.endswith("/chat/completions") for came in server.came)
        done = process(*words, "--via", "direct", env=keys(server))

    assert done.code == 0, done.err
    assert [came.body["max_tokens"] for came in server.came if came.path.endswith("completions")] == [256] * 2


def trouble(came: Came) -> Says:
    match came.body and came.text:
        case "refused":
            return Says(400, {"error": {"message": f"no \x1b[31m {KEY}", "type": "invalid_request_error"}})
        case "unknown":
            return Says(404, {"error": {"message": "no such model", "code": "model_not_found"}})
        case "page":
            return Says(body=b"<html>hello</html>")
        case "late":
            return Says(seconds=5)
    return echo(came)


def test_a_failed_prompt_says_all_about_its_call_and_stops_no_other(process: Cli) -> None:
    prompts = ("a", "refused", "unknown", "page", "late", "b")
    words = ("run", *typed(*prompts), "-m", "openai/gpt-4o-mini", "--timeout", "0.5")
    with LiveServer(trouble) as server:
        done = process(*words, "--return-error", env=keys(server))
        short = process(*words, env=keys(server))

    rows = [json.loads(line) for line in done.out.splitlines()]
    errors = [row["error"] for row in rows]
    assert done.code == short.code == 7
    assert [error and (error["status_code"], error["error_type"]) for error in errors] == [
        None,
        (400, "bad_request"),
        (404, "not_found"),
        (None, "bad_answer"),
        (None, "timeout"),
        None,
    ]
    for error in filter(None, errors):
        assert all(name in error for name in FIELDS)
        assert (error["url"], error["method"]) == (f"{server.url}/chat/completions", "POST")
        assert error["message"]
        assert error["suggestion"]
    assert "\x1b" not in done.out + done.err
    without = [json.loads(line)["error"] for line in short.out.splitlines()]
    assert [set(error or ()) & set(FIELDS) for error in without if error] == [{"message", "suggestion"}] * 4


def test_where_no_server_can_be_reached_every_prompt_ends_with_its_own_error(process: Cli) -> None:
    """Nobody listens at a port that was just closed; a name that does not exist has no address."""
    with LiveServer() as server:
        closed = keys(server)
    nowhere = {**closed, "OPENAI_BASE_URL": "https://nowhere.invalid/v1"}
    for env, reason in ((closed, "connection refused"), (nowhere, "name")):
        done = process("run", *typed("a", "b"), "-m", "openai/m", "--return-error", env=env)

        errors = [json.loads(line)["error"] for line in done.out.splitlines()]
        assert done.code == 10, done.err
        assert [(one["error_type"], one["status_code"]) for one in errors] == [("connection", None)] * 2
        for error in errors:
            assert (error["url"], error["method"]) == (f"{env['OPENAI_BASE_URL']}/chat/completions", "POST")
            assert reason in error["message"]
            assert "check network and endpoint" in error["suggestion"]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(401, "invalid_api_key", "authentication"), (429, "insufficient_quota", "billing")],
)
def test_a_refused_account_is_the_error_of_every_prompt_where_errors_are_asked_for(
    process: Cli, status: int, code: str, kind: str
) -> None:
    words = ("run", *typed(*PROMPTS), "-m", "openai/gpt-4o-mini", "--no-concurrent")
    error = {"message": "not you", "code": code}
    with LiveServer(lambda _: Says(status, {"error": error})) as server:
        halted = process(*words, env=keys(server))
        asked = len(server.came)
        done = process(*words, "--return-error", "--again", env=keys(server))

    rows = [json.loads(line)["error"] for line in done.out.splitlines()]
    assert halted.code == (4 if status == 401 else 5)
    assert halted.out == ""
    assert (done.code, len(server.came)) == (10, asked + 1), "the others need not be sent"
    assert {(row["status_code"], row["error_type"], row["message"]) for row in rows} == {
        (status, kind, "not you")
    }
    assert len(rows) == len(PROMPTS)


def test_a_complete_output_is_known_again_and_another_shape_of_errors_is_another_output(
    tmp_path: Path, process: Cli
) -> None:
    words = ("run", *typed("a", "refused"), "-m", "openai/gpt-4o-mini", "-o", "o.jsonl")
    with LiveServer(trouble) as server:
        process(*words, env=keys(server))
        again = process(*words, env=keys(server))
        longer = process(*words, "--return-error", env=keys(server))

    assert "(already complete)" in again.err
    assert "(already complete)" not in longer.err
    assert read_lines(tmp_path / "o.jsonl")[1]["error"]["status_code"] == 400
    assert len(server.came) == 2, "nothing is asked twice"


def test_what_was_answered_before_ctrl_c_is_not_asked_again(tmp_path: Path, process: Cli) -> None:
    words = ("run", *typed(*PROMPTS), "-m", "openai/gpt-4o-mini", "--max-concurrent", "4")
    with LiveServer(lambda came: echo(came, 0.2)) as server:
        running = subprocess.Popen(
            [sys.executable, "-m", "batch_cli", *words],
            cwd=tmp_path,
            env=clean_environment(tmp_path, keys(server)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        end = time.monotonic() + 40
        while sum(server.answered.values()) < 6:
            assert time.monotonic() < end
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=20)
        assert (running.returncode, out) == (130, b"")
        assert b"run the same line again" in err
        before = sum(server.answered.values())
        assert before < len(PROMPTS)
        done = process(*words, env=keys(server))

    assert done.code == 0, done.err
    assert answers(done) == [prompt.upper() for prompt in PROMPTS]
    assert len(server.came) == len(PROMPTS)
