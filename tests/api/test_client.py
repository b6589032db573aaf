"""Prompts the gen_ai way: order, bounds, and every way in which one can fail."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterable, Iterator
from typing import Any, assert_type

import pytest

from batch_cli import (
    Client,
    ConfigError,
    PromptError,
    Tokens,
    UsageError,
    create_client,
    generate_batch_response,
)
from tests.faulty import PAUSE, RESET, Asked, FaultyServer, answer, chat_answer
from tests.serving import ServerProcess

PROMPTS = [f"prompt {number}" for number in range(30)]
FIELDS = {"url", "method", "status_code", "error_type", "message", "suggestion"}


def at(server: FaultyServer, **options: Any) -> Client:
    return create_client("openai", "sk-canary-1234", f"{server.url}/v1/", "m", environment={}, **options)


def echo(asked: Asked) -> Iterable[object]:
    return [answer(chat_answer(asked.json["messages"][0]["content"].upper()))]


class TestAsking:
    def test_answers_come_in_the_order_of_the_prompts_whoever_is_first(self) -> None:
        def late_when_even(asked: Asked) -> Iterable[object]:
            if int(asked.json["messages"][0]["content"].split()[1]) % 2 == 0:
                yield from (PAUSE, PAUSE)
            yield from echo(asked)

        with FaultyServer(late_when_even) as server:
            answers = at(server).generate_batch_response(PROMPTS, max_concurrent=7)

        assert answers == [prompt.upper() for prompt in PROMPTS]

    def test_the_body_holds_what_was_asked_for(self) -> None:
        with FaultyServer(echo) as server:
            client = at(server)
            client.generate_batch_response(["a"])
            client.generate_batch_response(["b"], 7, 0.5, 0.9, stop=["END"], guided_json={"type": "object"})

        first, second = server.asked
        assert (first.method, first.path) == ("POST", "/v1/chat/completions")
        assert first.headers["authorization"] == "Bearer sk-canary-1234"
        assert first.json == {
            "model": "m",
            "messages": [{"role": "user", "content": "a"}],
            "max_tokens": 256,
            "temperature": 0,
        }
        assert second.json == {
            "model": "m",
            "messages": [{"role": "user", "content": "b"}],
            "max_tokens": 7,
            "temperature": 0.5,
            "top_p": 0.9,
            "stop": ["END"],
            "guided_json": {"type": "object"},
        }

    def test_the_older_completions_are_asked_where_they_are_wanted(self) -> None:
        with FaultyServer(lambda asked: [answer({"choices": [{"text": asked.json["prompt"]}]})]) as server:
            assert at(server, chat=False).generate_batch_response(["a\nb"]) == ["a\nb"]

        assert server.asked[0].path == "/v1/completions"
        assert "messages" not in server.asked[0].json

    @pytest.mark.parametrize(
        ("options", "most"), [({"max_concurrent": 3}, 3), ({"concurrent": False}, 1), ({}, 5)]
    )
    def test_never_more_are_under_way_than_was_said(self, options: dict[str, Any], most: int) -> None:
        lock, now, peak = threading.Lock(), 0, 0

        def counting(asked: Asked) -> Iterator[object]:
            nonlocal now, peak
            with lock:
                now += 1
                peak = max(peak, now)
            yield PAUSE
            with lock:
                now -= 1
            yield from echo(asked)

        with FaultyServer(counting) as server:
            at(server).generate_batch_response(PROMPTS, **options)

        assert peak == most

    def test_no_prompts_are_no_answers_and_no_request(self) -> None:
        with FaultyServer(echo) as server:
            assert at(server).generate_batch_response([]) == []
            assert at(server).generate_batch_response([], return_error=True) == ([], [])
        assert server.asked == []

    def test_the_tokens_of_each_answer_are_given_where_they_are_asked_for(self) -> None:
        def uncounted_when_b(asked: Asked) -> Iterable[object]:
            text = asked.json["messages"][0]["content"]
            if text == "refused":
                return [answer({"error": {"message": "no"}}, 400)]
            usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
            return [answer({**chat_answer(text), "usage": usage if text == "a" else None})]

        with FaultyServer(uncounted_when_b) as server:
            texts, errors, usage = at(server).generate_batch_response(
                ["a", "b", "refused"], return_usage=True
            )
            none = at(server).generate_batch_response([], return_usage=True)

        assert_type(usage, list[Tokens])
        assert texts == ["a", "b", None]
        assert [error is None for error in errors] == [True, True, False]
        assert usage == [Tokens(3, 4), Tokens(), Tokens()]
        assert none == ([], [], [])

    def test_an_empty_answer_is_an_answer(self) -> None:
        with FaultyServer(lambda _asked: [answer(chat_answer(""))]) as server:
            assert at(server).generate_batch_response(["a"], return_error=True) == ([""], [None])

    def test_what_may_pass_is_asked_again_so_often_as_was_said_and_what_is_refused_is_not(self) -> None:
        def twice_busy(asked: Asked) -> Iterable[object]:
            text = asked.json["messages"][0]["content"]
            if text == "refused":
                return [answer({"error": {"message": "no"}}, 400)]
            if sum(one.json["messages"][0]["content"] == text for one in server.asked) <= 2:
                return [answer({"error": {"message": "busy"}}, 503)]
            return echo(asked)

        with FaultyServer(twice_busy) as server:
            client = at(server)
            once = client.generate_batch_response(["a"], return_error=True)
            texts = client.generate_batch_response(["refused", "b"], retries=2)

        assert once[0] == [None]
        assert once[1][0] is not None
        assert once[1][0]["status_code"] == 503
        assert texts == [None, "B"]
        asked = [one.json["messages"][0]["content"] for one in server.asked]
        assert {text: asked.count(text) for text in asked} == {"a": 1, "refused": 1, "b": 3}

    def test_none_sends_neither_a_length_nor_a_temperature(self) -> None:
        with FaultyServer(echo) as server:
            at(server).generate_batch_response(["a"], None, None)

        assert server.asked[0].json == {"model": "m", "messages": [{"role": "user", "content": "a"}]}

    def test_it_works_inside_of_a_running_event_loop(self) -> None:
        async def notebook(client: Client) -> list[str | None]:
            return client.generate_batch_response(["a"])

        with FaultyServer(echo) as server:
            assert asyncio.run(notebook(at(server))) == ["A"]

    def test_the_function_does_what_the_method_does(self) -> None:
        with FaultyServer(echo) as server:
            client = at(server)

            answers = generate_batch_response(["a", "b"], client=client, max_tokens=5)
            both = generate_batch_response(["a"], client, return_error=True)

        assert_type(answers, list[str | None])
        assert_type(both, tuple[list[str | None], list[PromptError | None]])
        assert answers == ["A", "B"]
        assert both == (["A"], [None])
        assert server.asked[0].json["max_tokens"] == 5


def failing(prompts: list[str], script: Any, **options: Any) -> list[PromptError | None]:
    errors: list[PromptError | None]
    with FaultyServer(script) as server:
        _, errors = at(server).generate_batch_response(prompts, return_error=True, **options)
    return errors


def only(script: Any, **options: Any) -> PromptError:
    (error,) = failing(["a"], script, **options)
    assert error is not None
    assert set(error) == FIELDS
    assert error["method"] == "POST"
    assert error["url"].endswith("/v1/chat/completions")
    json.dumps(error)
    return error


class TestFailures:
    @pytest.mark.parametrize(
        ("status", "kind", "suggestion"),
        [
            (400, "bad_request", "correct the parameters"),
            (401, "authentication", "check the key"),
            (403, "authentication", "check the key"),
            (404, "not_found", "check the URL"),
            (429, "rate_limit", "wait"),
            (500, "server", "wait"),
            (502, "server", "wait"),
            (503, "server", "wait"),
            (504, "timeout", "send the request again"),
        ],
    )
    def test_a_status_is_told_with_the_servers_words_and_what_to_do(
        self, status: int, kind: str, suggestion: str
    ) -> None:
        error = only(lambda _asked: [answer({"error": {"message": "no way"}}, status)])

        assert (error["status_code"], error["error_type"], error["message"]) == (status, kind, "no way")
        assert suggestion in error["suggestion"]

    @pytest.mark.parametrize("body", ["not json", "<html>", "[]", "", '{"id": "x"}', '{"choices": []}'])
    def test_a_good_status_with_a_bad_body_is_a_bad_answer(self, body: str) -> None:
        error = only(lambda _asked: [answer(body)])

        assert (error["status_code"], error["error_type"]) == (200, "bad_answer")
        assert "does not speak" in error["suggestion"]

    def test_a_redirect_is_not_followed(self) -> None:
        error = only(lambda _asked: [answer("", 307, Location="http://elsewhere/")])

        assert (error["status_code"], error["error_type"]) == (307, "bad_answer")

    def test_a_refusal_is_no_answer(self) -> None:
        message = {"role": "assistant", "content": None, "refusal": "I would rather not"}
        body = chat_answer(choices=[{"index": 0, "message": message}])

        error = only(lambda _asked: [answer(body)])

        assert error["error_type"] == "refused"
        assert "I would rather not" in error["message"]

    def test_gemini_says_in_a_place_of_its_own_that_a_filter_took_the_question_away(self) -> None:
        with FaultyServer(lambda _asked: [answer({"promptFeedback": {"blockReason": "SAFETY"}})]) as server:
            client = create_client("gemini", "key", server.url, "m", environment={})
            _, (error,) = client.generate_batch_response(["a"], return_error=True)

        assert error is not None
        assert (error["status_code"], error["error_type"]) == (200, "filtered")
        assert "SAFETY" in error["message"]

    def test_an_answer_that_a_filter_took_away_is_no_answer(self) -> None:
        message = {"role": "assistant", "content": ""}
        body = chat_answer(choices=[{"index": 0, "message": message, "finish_reason": "content_filter"}])

        error = only(lambda _asked: [answer(body)])

        assert (error["status_code"], error["error_type"]) == (200, "filtered")

    def test_a_server_that_is_not_there_is_told_with_what_to_look_at(self) -> None:
        with FaultyServer(echo) as server:
            client = at(server)

        _, (error,) = client.generate_batch_response(["a"], return_error=True)

        assert error is not None
        assert (error["status_code"], error["error_type"]) == (None, "connection")
        assert "check network and endpoint" in error["suggestion"]

    def test_a_connection_that_breaks_is_told(self) -> None:
        assert only(lambda _asked: [RESET])["error_type"] == "connection"

    def test_the_time_limit_holds_for_an_answer_that_drips(self) -> None:
        def dripping(_asked: Asked) -> Iterator[object]:
            yield b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
            while True:
                yield from (PAUSE, b" ")

        error = only(dripping, timeout=0.2)

        assert (error["status_code"], error["error_type"]) == (None, "timeout")
        assert "0.2 s" in error["message"]

    def test_the_key_is_in_no_error(self) -> None:
        error = only(lambda asked: [answer({"error": {"message": asked.headers["authorization"]}}, 401)])

        assert error["message"] == "Bearer (key)"

    def test_one_failure_stops_nothing(self) -> None:
        def every_third_fails(asked: Asked) -> Iterable[object]:
            number = int(asked.json["messages"][0]["content"].split()[1])
            return [RESET] if number % 3 == 0 else echo(asked)

        with FaultyServer(every_third_fails) as server:
            answers, errors = at(server).generate_batch_response(PROMPTS, return_error=True)

        assert [one is None for one in answers] == [number % 3 == 0 for number in range(30)]
        assert [one is None for one in errors] == [number % 3 != 0 for number in range(30)]

    def test_a_prompt_that_is_no_unicode_fails_alone(self) -> None:
        errors = failing(["\ud800", "b"], echo)

        assert errors[0] is not None
        assert (errors[0]["status_code"], errors[0]["error_type"]) == (None, "bad_request")
        assert errors[1] is None

    def test_refused_completions_name_the_way_out(self) -> None:
        with FaultyServer(lambda _asked: [answer({"detail": "Not Found"}, 404)]) as server:
            _, (error,) = at(server, chat=False).generate_batch_response(["a"], return_error=True)

        assert error is not None
        assert "chat=True" in error["suggestion"]

    def test_nothing_is_sent_twice(self) -> None:
        with FaultyServer(lambda _asked: [answer({}, 503)]) as server:
            at(server).generate_batch_response(["a"])
        assert len(server.asked) == 1


class TestRefused:
    @pytest.mark.parametrize(
        ("prompts", "options", "message"),
        [
            ("one text", {}, "prompts is one text"),
            (["a", 1], {}, r"prompts\[1\] is int"),
            (["a"], {"max_concurrent": 0}, "at least 1"),
            (["a"], {"timeout": 0}, "more than 0"),
            (["a"], {"stop": object()}, "cannot be written as JSON"),
        ],
    )
    def test_what_cannot_be_meant_sends_nothing(
        self, prompts: Any, options: dict[str, Any], message: str
    ) -> None:
        with FaultyServer(echo) as server, pytest.raises(UsageError, match=message):
            at(server).generate_batch_response(prompts, **options)
        assert server.asked == []

    def test_what_a_provider_never_takes_is_refused_before_anything_is_sent(self) -> None:
        client = create_client("anthropic", "k", model_name="m", environment={})

        with pytest.raises(UsageError, match="Anthropic takes 0 to 1"):
            client.generate_batch_response(["a"], temperature=99)

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("bedrock", "k", None, "m"), "Unsupported provider: bedrock"),
            (("openai", "k", "ftp://x", "m"), "must be the http address"),
            (("openai", "k", "http://8.8.8.8/v1", "m"), "on the Internet"),
            (("openai", "k", None, ""), "no model is named"),
            (("azure", "k", None, "m"), "no address of its own"),
            (("local", None, None, "m"), "no address of its own"),
        ],
    )
    def test_a_client_that_cannot_work_is_not_made(self, words: tuple[Any, ...], message: str) -> None:
        with pytest.raises(UsageError) as caught:
            create_client(*words, environment={})
        assert message in caught.value.message

    def test_a_missing_key_names_its_variable(self) -> None:
        with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
            create_client("openai", model_name="m", environment={})

    def test_a_key_that_cannot_be_one_is_not_shown(self) -> None:
        with pytest.raises(ConfigError) as caught:
            create_client("openai", "sk secret", model_name="m", environment={})
        assert "secret" not in str(caught.value)

    def test_completions_are_openais(self) -> None:
        with pytest.raises(UsageError, match="has no completions"):
            create_client("anthropic", "k", model_name="m", chat=False, environment={})


@pytest.mark.parametrize(
    ("provider", "endpoint", "url"),
    [
        ("openai", None, "https://api.openai.com/v1/chat/completions"),
        ("openai", "http://localhost:8000", "http://localhost:8000/v1/chat/completions"),
        ("openai", "https://h/api/v4/", "https://h/api/v4/chat/completions"),
        ("local", "http://localhost:11434/v1", "http://localhost:11434/v1/chat/completions"),
        ("azure", "https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1/chat/completions"),
        ("anthropic", None, "https://api.anthropic.com/v1/messages"),
        ("anthropic", "https://h/anthropic", "https://h/anthropic/v1/messages"),
        (
            "gemini",
            None,
            "https://generativelanguage.googleapis.com/v1beta/models/m%2F1:generateContent",
        ),
        ("google", "https://h/v1", "https://h/v1/models/m%2F1:generateContent"),
        ("acme", None, "https://acme.example/v1/chat/completions"),
        ("groq", None, "http://localhost:9/openai/v1/chat/completions"),
    ],
)
def test_every_provider_has_its_address(provider: str, endpoint: str | None, url: str) -> None:
    environment = {
        "ACME_BASE_URL": "https://acme.example/v1",
        "GROQ_BASE_URL": "http://localhost:9/openai/v1",
    }

    assert create_client(provider, "key", endpoint, "m/1", environment=environment).url == url


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini"])
def test_one_script_asks_every_wire(provider: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    with ServerProcess(tmp_path_factory.mktemp("server")) as server:
        client = create_client(provider, "key-test-1234", server.url, "gemini-2.0-flash", environment={})

        answers, errors = client.generate_batch_response(["Hello", "You"], top_p=0.9, return_error=True)

    assert errors == [None, None]
    assert [answer and answer.rpartition(" ")[2] for answer in answers] == ["Hello", "You"]
