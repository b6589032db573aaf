"""Targets that are asked over HTTP: the wires of predictions, and chat endpoints. Each is a request and how its answer is read."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from batch_cli.bench.call import Caller, Reply
from batch_cli.bench.connection import Answer, Connection, Failed, request_bytes
from batch_cli.clock import Clock
from batch_cli.httpclient.error_body import read_error
from batch_cli.httpclient.origin import Origin
from batch_cli.jsonl import dumps_exactly, loads
from batch_cli.model import JsonObject, JsonValue
from batch_cli.predict import spice_answer, torch_answer
from batch_cli.predict.prediction import NotAnAnswer

_SINGLE_SECONDS = 30.0
_EXAMPLES = (1, 2, 3, 4, 5)

Read = Callable[[JsonValue], Reply]


@dataclass
class HttpTarget:
    """A request that is sent again and again."""

    name: str
    origin: Origin
    request: bytes
    read: Read
    """Makes a reply of a good answer's JSON."""
    clock: Clock
    seconds: float
    """What one request may take in all."""

    @cached_property
    def context(self) -> ssl.SSLContext | None:
        """The settings of TLS, which all connections share; None without it."""
        return ssl.create_default_context() if self.origin.scheme == "https" else None

    def open(self) -> Caller:
        """Give a caller with a connection of its own."""
        return HttpCaller(self, [(self.request, self.seconds)])


class HttpCaller:
    """Sends the requests of one call, one after the other, over one connection."""

    def __init__(self, target: HttpTarget, requests: Sequence[tuple[bytes, float]]) -> None:
        """Take the requests with their times; mostly there is one."""
        self._target = target
        self._requests = [request for request, _ in requests]
        self._connection = Connection(
            target.origin,
            seconds=max(seconds for _, seconds in requests),
            monotonic=target.clock.monotonic,
            context=target.context,
        )

    def send(self) -> list[Answer] | Failed:
        """Send; an answer that does not come is given as what failed."""
        try:
            return [self._connection.exchange(request) for request in self._requests]
        except Failed as failed:
            return failed

    def read(self, raw: Any) -> Reply:
        """Read the answers; the first that is not good decides."""
        if isinstance(raw, Failed):
            return Reply(raw.why, reached=raw.reached)
        replies = [read_answer(answer, self._target.read) for answer in raw]
        bad = next((reply for reply in replies if reply.error is not None), None)
        return bad or together(replies)

    def cut(self) -> None:
        """Cut the connection."""
        self._connection.cut()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def together(replies: Sequence[Reply]) -> Reply:
    """Give several good replies as one."""
    if len(replies) == 1:
        return replies[0]
    times = [reply.inference_ms for reply in replies if reply.inference_ms is not None]
    return Reply(
        inputs=sum(reply.inputs for reply in replies),
        batch_size=sum(reply.batch_size for reply in replies),
        successful=sum(reply.successful for reply in replies),
        predictions=[reply.predictions for reply in replies],
        inference_ms=sum(times) if times else None,
    )


@dataclass
class SeriesTarget(HttpTarget):
    """Several requests that count as one call: single predictions, to be compared with a batch of them."""

    requests: list[bytes] = field(default_factory=list)

    def open(self) -> Caller:
        """Give a caller that sends them one after the other."""
        return HttpCaller(self, [(request, self.seconds) for request in self.requests])


def read_answer(answer: Answer, read: Read) -> Reply:
    """Read an answer; a status that is not good, and what is no JSON of this wire, are failures with a reason."""
    if not 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP
        return Reply(f"HTTP {answer.status}: {read_error(answer.body, answer.status).message}")
    try:
        return read(loads(answer.body))
    except NotAnAnswer as error:
        return Reply(str(error))
    except ValueError:
        return Reply("the answer is not JSON")
    except RecursionError:
        return Reply("its answer is nested too deep to be read")


@dataclass(frozen=True, slots=True)
class Where:
    """What all requests to one server share."""

    origin: Origin
    clock: Clock
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)
    """With the key, if there is one."""

    def target(self, name: str, path: str, body: JsonObject, read: Read) -> HttpTarget:
        """Give the target of one POST."""
        return HttpTarget(name, self.origin, self.post(path, body), read, self.clock, self.seconds)

    def post(self, path: str, body: JsonObject) -> bytes:
        """Give a POST as it stands on the wire."""
        return request_bytes(self.origin, "POST", path, dumps_exactly(body), self.headers)


def torch_examples(where: Where) -> HttpTarget:
    """Give ``POST /examples/batch`` of the PyTorch server, whose inputs are always 1 to 5."""
    return where.target(f"{where.origin}/examples/batch", "/examples/batch", {}, torch_reply)


def torch_batch(where: Where, inputs: list[JsonValue], model: str | None = None) -> HttpTarget:
    """Give ``POST /predict/batch`` of the PyTorch server with these inputs."""
    body = {"inputs": inputs, **({} if model is None else {"model_name": model})}
    sent = len(inputs)
    return where.target(
        f"{where.origin}/predict/batch", "/predict/batch", body, lambda value: torch_reply(value, sent)
    )


def torch_singles(where: Where, inputs: Sequence[JsonValue] | None = None) -> SeriesTarget:
    """Give single predictions, one after the other: ``/examples/simple`` with 1 to 5, or ``/predict`` with these."""
    path = "/examples/simple" if inputs is None else "/predict"
    member = "input" if inputs is None else "inputs"
    requests = [where.post(path, {member: value}) for value in inputs or _EXAMPLES]
    return SeriesTarget(
        f"{where.origin}{path}",
        where.origin,
        b"",
        torch_reply,
        where.clock,
        min(where.seconds, _SINGLE_SECONDS),
        requests,
    )


def torch_reply(value: JsonValue, sent: int | None = None) -> Reply:
    """Make a reply of what the PyTorch server answered."""
    answer = torch_answer.read(value, sent=sent)
    return Reply(
        answer.error,
        answer.input_count,
        answer.batch_size,
        answer.successful,
        answer.values,
        answer.inference_ms,
    )


def spice(where: Where, names: Sequence[str]) -> HttpTarget:
    """Give ``POST /v1/predict`` of Spice with these models; a call fails only if all of them do."""
    body = spice_answer.request_body(names)

    def read(value: JsonValue) -> Reply:
        answer = spice_answer.read(value, names)
        good = [one for one in answer.predictions if one.is_good]
        errors = [one.error for one in answer.predictions if one.error]
        return Reply(
            None if good or not names else (errors[0] if errors else "no model gave a prediction"),
            len(names),
            len(names),
            len(good),
            [one.values for one in answer.predictions],
            answer.duration_ms,
        )

    return where.target(f"{where.origin}/v1/predict", "/v1/predict", body, read)


def chat(where: Where, model: str, prompt: str, max_tokens: int) -> HttpTarget:
    """Give ``POST /chat/completions`` of an endpoint like OpenAI's; a prediction is one token of the answer."""
    body = {"model": model, "messages": [{"role": "user", "content": prompt}], "max_tokens": max_tokens}
    return where.target(f"{where.origin}/chat/completions", "/chat/completions", body, chat_reply)


def chat_reply(value: JsonValue) -> Reply:
    """Make a reply of a chat completion."""
    if not isinstance(value, dict) or not isinstance(value.get("choices"), list) or not value["choices"]:
        raise NotAnAnswer("the answer has no choices")
    message = value["choices"][0].get("message") if isinstance(value["choices"][0], dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    usage = value.get("usage")
    tokens = torch_answer.count(usage.get("completion_tokens")) if isinstance(usage, dict) else None
    return Reply(inputs=tokens or 1, batch_size=1, successful=1, predictions=[content])
