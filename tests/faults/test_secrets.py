"""The key goes to the configured server, in a header, and nowhere else: to no file, no stream, no child, no other host."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import httpx
import pytest

from tests.faults.conftest import KEY, RESULTS, SUBMIT, Life
from tests.faulty import Asked, FaultyServer, answer
from tests.serving import ServerProcess
from tests.support import Done, command

ROUTES = "* /v1/**"
AUDIT = """
import sys

def hook(event, arguments):
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
        with open("children.log", "a") as log:
            print(event, arguments, file=log)

sys.addaudithook(hook)
"""


def spellings(key: str) -> list[bytes]:
    """Every way in which a key is likely to be written, whatever stands around it."""
    raw = key.encode()
    found = [raw, quote(key, safe="").encode(), quote(key).encode(), quote_plus(key).encode()]
    found += [json.dumps(key)[1:-1].encode(), key.replace("/", "\\/").encode(), raw.hex().encode(), raw[::-1]]
    found += [repr(key)[1:-1].encode()]
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(
            3
        ):  # where it begins within three bytes; what depends on its neighbours is cut off
            whole = encode(b"\0" * before + raw)
            found.append(whole[(0, 2, 3)[before] :][:-4])
    return found


class Witness:
    """Runs commands and keeps everything that they said."""

    def __init__(self, life: Life, key_environment: dict[str, str]) -> None:
        self.life, self._environment = life, key_environment
        self.said: list[tuple[tuple[str, ...], bytes]] = []

    def run(self, *words: str) -> Done:
        done = command(self.life.directory, *words, env=self._environment)
        self.said.append((words, (done.out + done.err).encode()))
        return done

    def check(self) -> None:
        places: list[tuple[object, bytes]] = [*self.said]
        files = [path for path in self.life.directory.rglob("*") if path.is_file()]
        places += [(path, path.read_bytes()) for path in files]
        for place, content in places:
            for spelling in spellings(KEY):
                assert spelling not in content, place


@pytest.fixture
def elsewhere() -> Iterator[FaultyServer]:
    """Another host, which nobody should ever speak to."""

    def script(_: Asked) -> Iterator[bytes]:
        yield answer({"id": "batch_1", "status": "completed"})

    with FaultyServer(script) as server:
        yield server


@pytest.fixture
def witness(life: Life, server: ServerProcess, tmp_path: Path, elsewhere: FaultyServer) -> Witness:
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "sitecustomize.py").write_text(AUDIT)
    project = str(Path(__file__).parents[2])
    return Witness(
        life,
        {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": f"{server.url}/v1",
            "PYTHONPATH": f"{tmp_path / 'hooks'}:{project}",
            "HTTP_PROXY": elsewhere.url,
            "http_proxy": elsewhere.url,
            "ALL_PROXY": elsewhere.url,
        },
    )


def test_the_scan_would_find_it() -> None:
    texts = [
        f"key={KEY}",
        json.dumps({"Authorization": f"Bearer {KEY}"}),
        base64.b64encode(f":{KEY}".encode()).decode(),
        base64.b64encode(f"user:{KEY}@".encode()).decode(),
        quote(f"?key={KEY}"),
    ]
    for text in texts:
        assert any(spelling in text.encode() for spelling in spellings(KEY)), text


def test_a_whole_life_leaves_no_trace_of_the_key(witness: Witness) -> None:
    for words in (SUBMIT, ("status",), ("wait",), RESULTS, ("list",), ("list-models", "-p", "openai")):
        assert witness.run(*words, "-v").code == 0
    for line in ("status --json", "cancel --json", "results -o -", "delete --yes"):
        witness.run(*line.split(), "-v")

    witness.check()


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param({"fault": "status", "status": 401, "message": f"Incorrect API key: {KEY}."}, id="401"),
        pytest.param(
            {"fault": "status", "status": 400, "message": f"{KEY}", "param": KEY, "code": KEY}, id="400"
        ),
        pytest.param({"fault": "status", "status": 500, "message": f"header was {KEY}"}, id="500"),
        pytest.param({"fault": "body", "text": f"<html>authorization: Bearer {KEY}"}, id="page"),
        pytest.param({"fault": "redirect", "to": f"https://x.invalid/?key={KEY}"}, id="redirect"),
        pytest.param({"fault": "raw", "text": f"HTTP/1.1 200 {KEY}\x00\r\n\r\n"}, id="no-http"),
        pytest.param({"fault": "reset"}, id="reset"),
    ],
)
def test_a_server_that_says_the_key_back_is_not_repeated(
    witness: Witness, life: Life, rule: dict[str, object]
) -> None:
    assert witness.run(*SUBMIT).code == 0
    life.play({"route": ROUTES, **rule})
    for words in (("status",), ("cancel", "--json"), RESULTS, (*SUBMIT, "--again", "-v")):
        assert witness.run(*words).code != 0

    witness.check()


@pytest.mark.parametrize("status", [302, 307])
def test_no_redirect_brings_the_key_to_another_host(
    witness: Witness, life: Life, elsewhere: FaultyServer, status: int
) -> None:
    life.play({"route": ROUTES, "fault": "redirect", "status": status, "to": f"{elsewhere.url}/v1/batches"})
    assert witness.run(*SUBMIT).code == 5
    life.play()
    assert witness.run(*SUBMIT).code == 0
    life.play({"route": ROUTES, "fault": "redirect", "status": status, "to": f"{elsewhere.url}/v1/batches"})
    for words in (("status",), ("wait",), RESULTS, ("cancel",)):
        assert witness.run(*words).code == 5, words

    assert elsewhere.asked == []


def test_names_of_files_are_names_and_never_addresses(
    witness: Witness, life: Life, elsewhere: FaultyServer
) -> None:
    assert witness.run(*SUBMIT).code == 0
    assert witness.run("wait").code == 0
    for name in (f"{elsewhere.url}/x", f"//127.0.0.1:{elsewhere.port}/x", "../../../x?y#z", "@127.0.0.1/"):
        changes = {"output_file_id": name, "results_url": f"{elsewhere.url}/x"}
        life.play({"route": "GET /v1/batches/*", "fault": "edit", "set": changes})
        assert witness.run(*RESULTS, "--force").code == 5

    assert elsewhere.asked == []
    witness.check()


def test_the_server_did_get_the_key(life: Life, server: ServerProcess) -> None:
    assert httpx.get(f"{server.url}/health").status_code == 200
    with FaultyServer(lambda _: [answer({"object": "list", "data": []})]) as recorder:
        command(
            life.directory,
            *SUBMIT,
            env={"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{recorder.url}/v1"},
        )
    assert recorder.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert all(KEY not in asked.path for asked in recorder.asked)
