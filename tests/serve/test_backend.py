"""`serve --backend`: a batch server before a model server, which here is `serve` itself, or one that misbehaves."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import openai
import pytest

from batch_cli.clock import SystemClock
from batch_cli.engine.queue import Queue
from batch_cli.engine.store import Store
from tests.conftest import Cli
from tests.faulty import PAUSE, RESET, Asked, FaultyServer, Script, answer, chat_answer
from tests.serving import ServerProcess, ended, wait_until
from tests.support import chat

CHAT: Literal["/v1/chat/completions"] = "/v1/chat/completions"


def submit(front: ServerProcess, count: int, **body: Any) -> str:
    lines = "".join(json.dumps(chat(f"r{n}", **body)) + "\n" for n in range(count)).encode()
    with front.client() as client:
        file = client.files.create(file=("r.jsonl", lines), purpose="batch")
        return client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h").id


def outcome(front: ServerProcess, batch_id: str) -> tuple[Any, list[Any], list[Any]]:
    """Wait for the end; give the batch, its output rows and its error rows."""
    with front.client() as client:
        batch = ended(client, batch_id)
        texts = [
            client.files.content(name).text if name else ""
            for name in (batch.output_file_id, batch.error_file_id)
        ]
    good, bad = ([json.loads(line) for line in text.split("\n") if line] for text in texts)
    return batch, good, bad


def entry(front: ServerProcess, batch_id: str) -> Any:
    (found,) = [one for one in front.ledger()["data"] if one["id"] == batch_id]
    return found


@pytest.fixture
def model(tmp_path: Path) -> Iterator[ServerProcess]:
    """Give a model server: the simulated one."""
    (tmp_path / "model").mkdir()
    with ServerProcess(tmp_path / "model", "--no-auth") as running:
        yield running


def before(tmp_path: Path, url: str, *words: str, **env: str) -> ServerProcess:
    (tmp_path / "front").mkdir(exist_ok=True)
    return ServerProcess(tmp_path / "front", "--backend", url, *words, env=env)


def test_a_batch_is_answered_by_the_model_server_each_row_once(tmp_path: Path, model: ServerProcess) -> None:
    with before(tmp_path, model.url) as front:
        batch, good, bad = outcome(front, batch_id := submit(front, 200))

        assert (batch.status, len(good), bad) == ("completed", 200, [])
        assert [row["custom_id"] for row in good] == [f"r{n}" for n in range(200)]
        assert "Simulated answer" in good[0]["response"]["body"]["choices"][0]["message"]["content"]
        assert batch.usage.input_tokens == 200
        ledger = entry(front, batch_id)
        assert (ledger["attempts"], ledger["billed"]) == (200, 200)
        assert model.ledger()["live"] == {CHAT: 200}


def test_the_simulated_model_answers_no_other_wire_in_its_place(tmp_path: Path) -> None:
    claude, gemini = {"anthropic-version": "2023-06-01"}, {"x-goog-api-key": "any"}
    asked = {
        "/v1/messages": claude,
        "/v1/messages/batches": claude,
        "/v1beta/models/m:generateContent": gemini,
        "/v1beta/models/m:batchGenerateContent": gemini,
    }
    with before(tmp_path, "http://127.0.0.1:9") as front, front.http() as http:
        answers = [http.post(path, json={"model": "m"}, headers=headers) for path, headers in asked.items()]

    assert [got.status_code for got in answers] == [404] * 4
    for got in answers:
        assert "with --backend only OpenAI's wire is served" in got.json()["error"]["message"]


def test_no_more_requests_are_under_way_than_was_said(tmp_path: Path) -> None:
    at_once, most = Counter[str](), list[int]()

    def counted(_asked: Asked) -> Iterable[object]:
        at_once["now"] += 1
        most.append(at_once["now"])
        yield PAUSE
        at_once["now"] -= 1
        yield answer(chat_answer())

    with (
        FaultyServer(counted) as backend,
        before(tmp_path, backend.url, "--backend-concurrency", "3") as front,
    ):
        outcome(front, submit(front, 30))

    assert max(most) == 3


def test_live_requests_and_the_models_are_passed_on(tmp_path: Path, model: ServerProcess) -> None:
    with before(tmp_path, f"{model.url}/v1") as front, front.client() as client, model.client() as direct:
        said = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])
        assert "Simulated answer" in (said.choices[0].message.content or "")
        assert client.responses.create(model="m", input="Hi").output_text
        assert client.embeddings.create(model="m", input="Hi", encoding_format="float").data
        assert client.completions.create(model="m", prompt="Hi").choices[0].text
        assert list(client.models.list()) == list(direct.models.list())
        assert client.models.retrieve("gpt-4o") == direct.models.retrieve("gpt-4o")
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("../../metrics")
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(model="m", messages=[])
    assert "messages" in refused.value.message


def test_a_streamed_answer_is_passed_back_while_it_comes(tmp_path: Path) -> None:
    """The model server goes on only when the client has seen the piece before."""
    seen = 0

    def streaming(_asked: Asked) -> Iterable[object]:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        for number in range(5):
            yield f"data: {number}\n\n".encode()
            while seen <= number:
                yield PAUSE

    with (
        FaultyServer(streaming) as backend,
        before(tmp_path, backend.url) as front,
        front.http() as client,
        client.stream("POST", CHAT, json={"model": "m", "stream": True}) as response,
    ):
        assert response.headers["content-type"] == "text/event-stream"
        for number, line in enumerate(line for line in response.iter_lines() if line):
            assert line == f"data: {number}"
            seen = number + 1
    assert seen == 5
    assert backend.asked[0].json == {"model": "m", "stream": True}


def test_a_client_that_leaves_lets_the_model_server_go(tmp_path: Path) -> None:
    left: list[bool] = []

    def thinking(_asked: Asked) -> Iterable[object]:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        try:
            while True:
                yield PAUSE
                yield b": thinking\n\n"
        finally:
            left.append(True)

    with FaultyServer(thinking) as backend, before(tmp_path, backend.url) as front, front.http() as client:
        with client.stream("POST", CHAT, json={"model": "m"}) as response:
            next(response.iter_bytes())
        wait_until(lambda: left)


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        ([RESET], 502, "backend_unavailable"),
        ([answer("", 302, Location="http://127.0.0.1:9/")], 502, "backend_redirect"),
        ([PAUSE] * 500, 504, "backend_timeout"),
    ],
)
def test_a_live_request_without_an_answer_is_an_error_of_the_wire(
    tmp_path: Path, script: list[object], status: int, code: str
) -> None:
    with (
        FaultyServer(lambda _asked: script) as backend,
        before(tmp_path, backend.url, "--backend-timeout", "1") as front,
        front.http() as client,
    ):
        refused = client.post(CHAT, json={"model": "m"})

    assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert "Location" not in refused.headers


def test_an_answer_that_is_cut_is_cut_for_the_client_too(tmp_path: Path) -> None:
    with (
        FaultyServer(lambda _asked: [answer(chat_answer(), length=100_000)]) as backend,
        before(tmp_path, backend.url) as front,
        front.http() as client,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        client.post(CHAT, json={"model": "m"})


HTML = answer("<html><h1>It works!</h1></html>", kind="text/html")


@pytest.mark.parametrize(
    ("odd", "status", "words"),
    [
        (HTML, 502, "text/html, that starts with: <html><h1>It works!"),
        (answer(""), 502, "an empty body"),
        (answer({"detail": "Not Found"}), 502, "has no choices, but detail"),
        (answer({"detail": "Not Found"}, 404), 404, "Not Found"),
        (answer({"error": "model 'x' not found"}, 404), 404, "model 'x' not found"),
        (answer({"error": {"message": "too long", "code": 400}}, 400), 400, "too long"),
        (answer("", 301, Location="http://127.0.0.1:9/"), 502, "redirects to http://127.0.0.1:9/"),
    ],
)
def test_an_odd_answer_is_the_error_of_its_row_alone(
    tmp_path: Path, odd: bytes, status: int, words: str
) -> None:
    def script(asked: Asked) -> Iterable[object]:
        yield odd if asked.json["messages"][0]["content"] == "odd" else answer(chat_answer())

    with FaultyServer(script) as backend, before(tmp_path, backend.url) as front:
        lines = [chat("a"), chat("b", "odd"), chat("c")]
        with front.client() as client:
            file = client.files.create(
                file=("r.jsonl", "\n".join(map(json.dumps, lines)).encode()), purpose="batch"
            )
            made = client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
        batch, good, bad = outcome(front, made.id)

    assert (batch.status, [row["custom_id"] for row in good]) == ("completed", ["a", "c"])
    (row,) = bad
    assert (row["custom_id"], row["response"]["status_code"]) == ("b", status)
    assert words in row["response"]["body"]["error"]["message"]
    assert len(backend.asked) == 3, "nothing of this is tried again"


@pytest.mark.parametrize(
    "fault",
    [
        [RESET],
        [answer(chat_answer(), length=100_000)],
        [answer("", 429, Retry_After="0.05")],
        [answer("Bad Gateway", 502, kind="text/html")],
        [answer({"error": "loading model"}, 503)],
        [answer({"error": "oops"}, 500)],
    ],
)
def test_a_passing_fault_costs_no_row(tmp_path: Path, fault: list[object]) -> None:
    def script(asked: Asked) -> Iterable[object]:
        return fault if asked.number < 3 else [answer(chat_answer())]

    with FaultyServer(script) as backend, before(tmp_path, backend.url) as front:
        batch, good, bad = outcome(front, batch_id := submit(front, 20))
        ledger = entry(front, batch_id)

    assert (batch.status, len(good), bad) == ("completed", 20, [])
    assert len(backend.asked) == 23
    assert (ledger["attempts"], ledger["billed"]) == (20, 20)


def test_a_model_server_that_is_away_is_waited_for(tmp_path: Path) -> None:
    script: Script = lambda _asked: [answer(chat_answer())]  # noqa: E731 - twice the same
    with FaultyServer(script) as backend:
        port = backend.port
    with before(tmp_path, backend.url) as front:
        batch_id = submit(front, 40)
        wait_until(lambda: "is not there: connection refused" in front.log)
        assert entry(front, batch_id)["billed"] == 0

        with FaultyServer(script, port):
            batch, good, bad = outcome(front, batch_id)

        assert (batch.status, len(good), bad) == ("completed", 40, [])
        assert front.log.count("is not there") == 1
        assert front.log.count("is back after") == 1


def test_a_batch_that_waits_for_its_model_server_can_be_cancelled(tmp_path: Path) -> None:
    with FaultyServer(lambda _asked: []) as backend:
        pass
    with before(tmp_path, backend.url) as front, front.client() as client:
        batch_id = submit(front, 40)
        wait_until(lambda: "is not there" in front.log)
        client.batches.cancel(batch_id)
        batch, good, bad = outcome(front, batch_id)

    assert (batch.status, good) == ("cancelled", [])
    assert {row["error"]["code"] for row in bad} == {"batch_cancelled"}


def test_a_batch_waits_no_longer_than_its_window(tmp_path: Path) -> None:
    with FaultyServer(lambda _asked: []) as backend:
        pass
    with before(tmp_path, backend.url, "--speed", "30000") as front:
        batch, good, bad = outcome(front, submit(front, 40))

    assert (batch.status, good, len(bad)) == ("expired", [], 40)
    assert {row["error"]["code"] for row in bad} == {"batch_expired"}


def test_stopped_and_killed_while_it_waits_no_row_is_burnt(tmp_path: Path) -> None:
    """More often than a request may be abandoned."""
    with FaultyServer(lambda _asked: []) as backend:
        port = backend.port
    with before(tmp_path, backend.url) as front:
        batch_id = submit(front, 40)
        for number in range(1, 9):
            wait_until(lambda expected=number: front.log.count("is not there") >= expected)  # type: ignore[misc]
            front.kill() if number % 2 else front.stop()
            front.start()

        with FaultyServer(lambda _asked: [answer(chat_answer())], port) as alive:
            batch, good, bad = outcome(front, batch_id)

        assert (batch.status, len(good), bad) == ("completed", 40, [])
        assert len(alive.asked) == 40


def test_killed_while_it_executes_only_what_was_under_way_is_sent_twice(tmp_path: Path) -> None:
    sent: Counter[str] = Counter()

    def script(asked: Asked) -> Iterable[object]:
        sent[asked.json["user"]] += 1
        yield PAUSE
        yield answer(chat_answer(asked.json["user"]))

    with (
        FaultyServer(script) as backend,
        before(tmp_path, backend.url, "--backend-concurrency", "8") as front,
    ):
        lines = [chat(f"r{n}", user=f"r{n}") for n in range(300)]
        with front.client() as client:
            file = client.files.create(
                file=("r.jsonl", "\n".join(map(json.dumps, lines)).encode()), purpose="batch"
            )
            batch_id = client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h").id
        for _ in range(3):
            seen = entry(front, batch_id)["billed"]
            wait_until(lambda seen=seen: entry(front, batch_id)["billed"] > seen + 20)  # type: ignore[misc]
            os.kill(executor_of(front), signal.SIGKILL)
            front.kill()
            front.start()
        batch, good, _ = outcome(front, batch_id)
        ledger = entry(front, batch_id)

    assert batch.status == "completed"
    assert [row["custom_id"] for row in good] == [f"r{n}" for n in range(300)]
    assert all(
        row["response"]["body"]["choices"][0]["message"]["content"] == row["custom_id"] for row in good
    )
    assert (ledger["executed"], ledger["billed"]) == (300, 300)
    assert set(sent) == {f"r{n}" for n in range(300)}
    twice = sum(count - 1 for count in sent.values())
    assert twice <= 3 * 8 * 2, "what was under way, and what was answered and not yet recorded"
    assert ledger["attempts"] - 300 >= twice


def executor_of(front: ServerProcess) -> int:
    store = Store(front.directory / "data" / "engine", SystemClock())
    (worker,) = Queue(store).workers()
    store.close()
    return worker.pid


class TestTheKey:
    def test_reaches_the_model_server_and_nothing_else(self, tmp_path: Path) -> None:
        canary = "sk-canary-0123456789"
        with (
            FaultyServer(
                lambda asked: [
                    answer({"object": "list", "data": []} if asked.method == "GET" else chat_answer())
                ]
            ) as backend,
            before(tmp_path, backend.url, BACKEND_API_KEY=canary) as front,
            front.client("sk-of-the-client") as client,
        ):
            outcome(front, submit(front, 3))
            client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])
            client.models.list()
            pids = (front.process.pid, executor_of(front))
            paths = [
                Path(f"/proc/{pid}/cmdline") for pid in pids
            ]  # Linux; elsewhere the two are not looked at
            words = b"".join(path.read_bytes() for path in paths if path.exists())
            front.stop()

        assert {asked.headers["authorization"] for asked in backend.asked} == {f"Bearer {canary}"}
        assert "sk-of-the-client" not in str([asked.headers for asked in backend.asked])
        assert canary.encode() not in words
        kept = [path for path in (tmp_path / "front").rglob("*") if path.is_file()]
        assert len(kept) > 5
        assert [path for path in kept if canary.encode() in path.read_bytes()] == []

    def test_comes_from_the_variable_that_is_named(self, tmp_path: Path) -> None:
        script: Script = lambda _asked: [answer(chat_answer())]  # noqa: E731 - one line
        with (
            FaultyServer(script) as backend,
            before(
                tmp_path, backend.url, "--backend-key-env", "MINE", MINE="sk-mine", BACKEND_API_KEY="x"
            ) as front,
        ):
            outcome(front, submit(front, 1))

        assert backend.asked[0].headers["authorization"] == "Bearer sk-mine"

    def test_without_one_none_is_sent(self, tmp_path: Path) -> None:
        script: Script = lambda _asked: [answer(chat_answer())]  # noqa: E731 - one line
        with FaultyServer(script) as backend, before(tmp_path, backend.url) as front:
            outcome(front, submit(front, 1))

        assert "authorization" not in backend.asked[0].headers


def test_batches_of_a_model_server_are_not_answered_by_the_simulated_one(tmp_path: Path, cli: Cli) -> None:
    with FaultyServer(lambda _asked: []) as backend:
        pass
    with before(tmp_path, backend.url) as front:
        submit(front, 3)
        wait_until(lambda: "is not there" in front.log)
        front.stop()

    done = cli("serve", "--port", "0", "--data-dir", "front/data")

    assert done.code == 9
    assert "1 unfinished batch(es) here were begun by a model server" in done.err
    store = Store(tmp_path / "front" / "data" / "engine", SystemClock())
    assert store.totals()[0] == 3
    store.close()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--backend", "localhost"), 2, "must be the http address of a model server"),
        (("--backend", "http://8.8.8.8"), 2, "is on the Internet"),
        (("--backend", "http://a:b@localhost"), 2, "must not hold a name or a password"),
        (("--backend-concurrency", "4"), 2, "means nothing without --backend"),
        (("--backend", "http://localhost", "--simulate-errors", "0.5"), 2, "do not go together"),
        (
            ("--backend", "http://localhost", "--backend-key-env", "NOT_SET"),
            4,
            "'NOT_SET' environment variable",
        ),
        (("--backend", "http://localhost", "--backend-concurrency", "0"), 2, "--backend-concurrency"),
        (("--backend", "http://localhost", "--backend-timeout", "0"), 2, "--backend-timeout"),
    ],
)
def test_a_wrong_call_is_one_message(cli: Cli, words: tuple[str, ...], code: int, message: str) -> None:
    done = cli("serve", *words)

    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert "fix: " in done.err
