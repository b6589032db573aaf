"""Result files come whole or not at all, however the connection and the server behave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from batch_cli.errors import DamagedData, Rejected, StateError, Temporary
from batch_cli.httpclient.client import HttpClient
from batch_cli.httpclient.origin import Origin
from batch_cli.providers.hosted.download import Download
from tests.faulty import Asked, FaultyServer, answer
from tests.support import FakeClock, Recorder

FILE = b"".join(b'{"n": %d}\n' % n for n in range(40))
SIZE = len(FILE)

Answers = Callable[[Asked], bytes]
Make = Callable[[Answers], Download]


@pytest.fixture
def asked() -> list[Asked]:
    return []


@pytest.fixture
def make(tmp_path: Path, clock: FakeClock, asked: list[Asked]) -> Iterator[Make]:
    """Make a download of what a server answers, whose clock waits for nobody."""
    running: list[FaultyServer] = []

    def made(answers: Answers) -> Download:
        def script(one: Asked) -> Iterator[bytes]:
            asked.append(one)
            yield answers(one)

        running.append(FaultyServer(script))
        client = HttpClient(Origin.parse(f"{running[-1].url}/v1", "TEST"), {}, clock, Recorder(), pause=0.01)
        return Download(client, "/files/f/content", tmp_path / "downloads")

    yield made
    for server in running:
        server.close()


def content(download: Download, expected: int | None = None) -> bytes:
    with download.read(expected) as stream:
        return stream.read()


def cut(sent: int, *, etag: str = '"e"') -> bytes:
    return answer(FILE[:sent], length=SIZE, ETag=etag)


def unannounced(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body


def rest(start: int) -> bytes:
    return answer(FILE[start:], 206, Content_Range=f"bytes {start}-{SIZE - 1}/{SIZE}")


def in_turn(*answers: bytes) -> Answers:
    """Give these, the last one again and again."""
    return lambda one: answers[min(one.number, len(answers) - 1)]


def test_a_break_goes_on_where_it_was(make: Make, asked: list[Asked]) -> None:
    assert content(make(in_turn(cut(100), rest(100)))) == FILE
    assert [one.headers.get("range") for one in asked] == [None, "bytes=100-"]
    assert asked[1].headers["if-range"] == '"e"'


def test_another_run_goes_on_too(make: Make, asked: list[Asked], tmp_path: Path) -> None:
    broken = make(in_turn(cut(100), answer(b"{}", 503)))
    with pytest.raises(Temporary, match="could not be fetched"):
        content(broken)
    (part,) = (tmp_path / "downloads").glob("*.part")
    assert part.read_bytes() == FILE[:100]

    again = make(in_turn(rest(100)))
    for name in ("_target", "_part", "_facts"):  # another port is another server, and so another name
        setattr(again, name, getattr(broken, name))
    assert content(again) == FILE
    assert asked[-1].headers["range"] == "bytes=100-"


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(answer(FILE), id="range-ignored"),
        pytest.param(answer(FILE[50:], 206, Content_Range=f"bytes 50-{SIZE - 1}/{SIZE}"), id="other-start"),
        pytest.param(answer(FILE[100:], 206, Content_Range=f"bytes 100-{SIZE}/{SIZE + 1}"), id="other-size"),
        pytest.param(answer(FILE[100:], 206), id="no-range-said"),
        pytest.param(answer(b"", 416), id="range-refused"),
    ],
)
def test_a_part_that_does_not_fit_is_begun_anew(make: Make, second: bytes) -> None:
    assert content(make(in_turn(cut(100), second, answer(FILE)))) == FILE


def test_what_is_here_completely_is_not_asked_for_again(make: Make, asked: list[Asked]) -> None:
    download = make(in_turn(answer(FILE)))
    download.complete()
    assert content(download) == FILE
    assert len(asked) == 1


class TestBelief:
    """An answer that ended properly need not be the file."""

    def test_a_cut_that_nobody_announced_is_seen_by_the_size(self, make: Make) -> None:
        half = FILE[: FILE.index(b"\n", 100) + 1]
        assert content(make(in_turn(unannounced(half), rest(len(half)))), SIZE) == FILE

    def test_such_a_cut_is_never_taken_for_the_file(self, make: Make) -> None:
        half = FILE[: FILE.index(b"\n", 100) + 1]
        with pytest.raises(Temporary):
            content(make(in_turn(unannounced(half))), SIZE)

    @pytest.mark.parametrize("page", [b"<html>log in</html>\n", b"", b'{"error": "busy"}'])
    def test_a_page_is_fetched_past(self, make: Make, page: bytes) -> None:
        assert content(make(in_turn(answer(page), answer(FILE))), SIZE) == FILE

    @pytest.mark.parametrize("page", [b"<html>log in</html>\n", b"", b'{"error": "busy"}'])
    def test_a_page_that_stays_is_no_file(self, make: Make, page: bytes) -> None:
        with pytest.raises(Temporary, match="could not be fetched"):
            content(make(in_turn(answer(page))), SIZE)

    @pytest.mark.parametrize("said", [SIZE - 1, SIZE + 1])
    def test_a_service_that_is_wrong_about_the_size_gives_its_results_all_the_same(
        self, make: Make, asked: list[Asked], said: int
    ) -> None:
        assert content(make(in_turn(answer(FILE))), said) == FILE
        assert len(asked) == 3


class TestAfterwards:
    """What stays here when it was read."""

    def test_nothing_when_it_was_read(self, make: Make, tmp_path: Path) -> None:
        content(make(in_turn(answer(FILE))))
        assert [path for path in (tmp_path / "downloads").iterdir() if path.is_file()] == []

    def test_a_damaged_one_is_fetched_anew_by_the_next_run(self, make: Make) -> None:
        download = make(in_turn(answer(b"{torn\n"), answer(FILE)))
        with pytest.raises(DamagedData), download.read():
            raise DamagedData("line 1 is not a result")
        assert content(download) == FILE

    def test_one_whose_reader_stopped_stays(self, make: Make, asked: list[Asked]) -> None:
        download = make(in_turn(answer(FILE)))
        with pytest.raises(KeyboardInterrupt), download.read():
            raise KeyboardInterrupt
        assert content(download) == FILE
        assert len(asked) == 1


def test_two_at_once_do_not_write_one_file(make: Make) -> None:
    download = make(in_turn(answer(FILE)))
    with download.read(), pytest.raises(StateError, match="another batch-cli"), download.read():
        pass


@pytest.mark.parametrize("status", [404, 410])
def test_a_file_that_is_gone_says_so(make: Make, status: int) -> None:
    with pytest.raises(Rejected, match="not there any more"):
        content(make(in_turn(answer(b"{}", status))))


def test_it_waits_as_long_as_the_server_asks(make: Make, clock: FakeClock) -> None:
    started = clock.monotonic()
    assert content(make(in_turn(answer(b"{}", 429, Retry_After="77"), answer(FILE)))) == FILE
    assert clock.monotonic() - started >= 77


def test_it_does_not_wait_for_hours(make: Make, asked: list[Asked]) -> None:
    with pytest.raises(Temporary):
        content(make(in_turn(answer(b"{}", 429, Retry_After="90000"))))
    assert len(asked) == 1
