"""The time for an answer can count from when the body is out, so that a long upload takes none of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import pytest

from batch_cli.clock import SystemClock
from batch_cli.events import ignore
from batch_cli.httpclient.client import HttpClient, Sent
from batch_cli.httpclient.origin import Origin
from batch_cli.httpclient.outcome import Unknown
from tests.faulty import PAUSE, Asked, FaultyServer, answer


def slowly() -> Iterator[bytes]:
    for _ in range(4):
        time.sleep(0.1)
        yield b"ab"


def sent(seconds: float) -> Sent:
    return Sent("POST", "/", body=slowly, length=8, seconds=None, answer_seconds=seconds)


def client(server: FaultyServer) -> HttpClient:
    return HttpClient(Origin.parse(server.url, "BASE_URL"), {}, SystemClock(), ignore)


def test_the_body_takes_nothing_of_the_time_for_the_answer() -> None:
    def script(asked: Asked) -> Iterable[object]:
        assert asked.body == b"abababab"
        yield answer({"ok": True})

    with FaultyServer(script) as server:
        assert client(server).once(sent(0.3)).json() == {"ok": True}


def test_an_answer_that_does_not_come_in_its_time_is_unknown() -> None:
    def script(_: Asked) -> Iterable[object]:
        yield from [PAUSE] * 100
        yield answer({"ok": True})

    with FaultyServer(script) as server, pytest.raises(Unknown, match="no answer in time"):
        client(server).once(sent(0.05))
