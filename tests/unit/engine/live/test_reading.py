from __future__ import annotations

import json
from typing import Any

import pytest

from batch_cli.engine.handlers.live.reading import read_answer
from batch_cli.engine.handlers.live.transport import Answer
from batch_cli.model import CHAT, EMBEDDINGS, RESPONSES
from tests.faulty import chat_answer

JSON = "application/json"


def came(body: Any, status: int = 200, kind: str = JSON, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {"content-type": kind, **headers}, raw)


def test_a_good_answer_is_the_reply_as_it_is() -> None:
    reply = read_answer(CHAT, came(chat_answer(extra=[1, {"a": None}])))

    assert (reply.status, reply.body) == (200, chat_answer(extra=[1, {"a": None}]))


@pytest.mark.parametrize(
    ("body", "message", "kind", "code"),
    [
        ({"error": {"message": "no", "type": "t", "param": "p", "code": "c"}}, "no", "t", "c"),
        (
            {"error": {"message": "no", "type": "BadRequestError", "code": 400}},
            "no",
            "BadRequestError",
            "400",
        ),
        ({"error": "model 'x' not found"}, "model 'x' not found", "backend_error", None),
        ({"error": {"error": {"message": "inner", "code": 7}}}, "inner", "backend_error", "7"),
        ({"detail": "Not Found"}, "Not Found", "backend_error", None),
        (
            {"detail": [{"loc": ["body", "messages"], "msg": "Field required", "type": "missing"}]},
            "body.messages: Field required",
            "backend_error",
            None,
        ),
        ({"object": "error", "message": "too long", "type": "t", "code": 40303}, "too long", "t", "40303"),
    ],
)
def test_errors_of_every_shape_become_openais(body: Any, message: str, kind: str, code: str | None) -> None:
    reply = read_answer(CHAT, came(body, 400))

    assert reply.status == 400
    error = reply.body["error"]
    assert (error["message"], error["type"], error["code"]) == (message, kind, code)
    assert set(error) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            came(b"<html><h1>502 Bad Gateway</h1>", 502, "text/html"),
            "status 502, text/html, that starts with: <html>",
        ),
        (came(b"Internal Server Error", 500, "text/plain"), "that starts with: Internal Server Error"),
        (came(b"", 500), "status 500 and an empty body"),
        (came({}, 500), "status 500, application/json"),
        (came({"error": {}}, 400), "status 400, application/json"),
        (came([1], 400), "status 400, application/json"),
        (came({"error": None, "detail": 7}, 400), "status 400, application/json"),
    ],
)
def test_an_error_without_words_says_what_came(answer: Answer, words: str) -> None:
    reply = read_answer(CHAT, answer)

    assert reply.status == answer.status
    assert words in reply.body["error"]["message"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (came(b"<html>Log in to the Wi-Fi", kind="text/html"), "text/html, that starts with: <html>Log in"),
        (came(b"  "), "an empty body"),
        (came(b'{"choices": [NaN]}'), "not valid"),
        (came(b'{"choices": ['), "not valid"),
        (came(b'{"choices": []} {"choices": []}'), "not valid"),
        (came(b'\xff{"choices": []}'), "not valid"),
        (came([]), "status 200, application/json"),
        (came("text"), "status 200, application/json"),
        (came(b'data: {"choices": []}\n\n', kind="text/event-stream"), "text/event-stream"),
        (came(b'{"choices": [' + b"[" * 200 + b"]" * 200 + b"]}"), "status 200"),
        (came({"status": "ok"}), "has no choices, but status"),
        (came({"choices": None, "id": "x"}), "has no choices, but choices, id"),
        (came({"detail": "Not Found"}), "has no choices, but detail"),
        (came(b"", 204), "status 204 and an empty body"),
        (came(b"", 307, location="http://evil.example/"), "redirects to http://evil.example/"),
    ],
)
def test_an_answer_that_is_none_is_a_502_that_says_what_came(answer: Answer, words: str) -> None:
    reply = read_answer(CHAT, answer)

    assert reply.status == 502
    assert words in reply.body["error"]["message"]


def test_an_error_inside_a_good_status_is_an_error() -> None:
    reply = read_answer(CHAT, came({"error": {"message": "out of memory"}}))

    assert reply.status == 502
    assert reply.body["error"]["message"] == "an error came with status 200: out of memory"


@pytest.mark.parametrize(
    ("url", "body"), [(EMBEDDINGS, {"data": []}), (RESPONSES, {"output": [], "error": None})]
)
def test_every_endpoint_has_its_own_shape(url: str, body: dict[str, Any]) -> None:
    assert read_answer(url, came(body)).is_good
    assert not read_answer(CHAT, came(body)).is_good


@pytest.mark.parametrize(
    "usage",
    [
        "many",
        [1],
        {"prompt_tokens": "12"},
        {"prompt_tokens": -1},
        {"output_tokens": {}},
        {"total_tokens": 1e300},
    ],
)
def test_a_usage_that_cannot_be_added_up_does_not_spoil_its_answer(usage: Any) -> None:
    reply = read_answer(CHAT, came(chat_answer(usage=usage)))

    assert reply.is_good
    assert reply.body["usage"] is None
    assert reply.body["choices"]


def test_long_and_hostile_words_are_cut() -> None:
    reply = read_answer(CHAT, came({"error": {"message": "x" * 10**6, "type": "y" * 10**6}}, 400))

    assert len(reply.body["error"]["message"]) == 2_000
    assert len(reply.body["error"]["type"]) == 200
