"""``serve --flavour regolo``: the OpenAI wire as a LiteLLM proxy speaks it, with batches and without."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.serving import ServerProcess, ended
from tests.support import chat


def lines(*requests: Any) -> tuple[str, bytes]:
    return "r.jsonl", "".join(json.dumps(request) + "\n" for request in requests).encode()


@pytest.fixture(scope="module")
def regolo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("regolo"), "--flavour", "regolo") as running:
        yield running


@pytest.fixture(params=["/v1", "", "/openai/v1"])
def anywhere(regolo: ServerProcess, request: pytest.FixtureRequest) -> Iterator[OpenAI]:
    """Give a client of each of the roots that the proxy has."""
    with OpenAI(
        api_key="any",
        base_url=regolo.url + request.param,
        max_retries=0,
        _strict_response_validation=True,
    ) as client:
        yield client


def test_the_official_client_runs_a_batch_under_every_root(anywhere: OpenAI) -> None:
    file = anywhere.files.create(file=lines(chat("a"), chat("b", temperature=9)), purpose="batch")
    created = anywhere.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        extra_body={"timeout_minutes": 1440},
    )

    batch = ended(anywhere, created.id)

    assert batch.status == "completed"
    assert batch.input_file_id == file.id
    assert json.loads(anywhere.files.content(batch.output_file_id).text)["custom_id"] == "a"
    assert json.loads(anywhere.files.content(batch.error_file_id).text)["custom_id"] == "b"
    assert batch.id in [one.id for one in anywhere.batches.list(limit=1)]
    assert anywhere.files.delete(file.id).id == file.id
    assert [model.id for model in anywhere.models.list()]
    answer = anywhere.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])
    assert answer.choices[0].message.content


def test_ids_are_long_and_opaque(regolo: ServerProcess) -> None:
    with regolo.client() as client:
        file = client.files.create(file=lines(chat("a")), purpose="batch")
        batch = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )

    for one in (file.id, batch.id):
        assert len(one) > 100
        assert not one.startswith(("file-", "batch_"))


def test_the_code_of_an_error_is_its_status_as_a_string(regolo: ServerProcess) -> None:
    with regolo.http() as http:
        answers = {
            "nothing": http.get("/v1/batches/batch_none"),
            "no_window": http.post("/v1/batches", json={"input_file_id": "x", "endpoint": "y"}),
            "wrong_body": http.post("/v1/chat/completions", json={**chat("a")["body"], "temperature": 9}),
        }
        unknown, method = http.get("/v1/nothing"), http.put("/batches")

    found = {name: (answer.status_code, answer.json()["error"]) for name, answer in answers.items()}
    assert {name: (status, error["code"]) for name, (status, error) in found.items()} == {
        "nothing": (404, "404"),
        "no_window": (400, "400"),
        "wrong_body": (400, "400"),
    }
    assert found["no_window"][1]["message"] == "Missing required parameter: 'completion_window'."
    assert found["wrong_body"][1]["param"] == "temperature"
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "Not Found"})
    assert (method.status_code, method.json()) == (405, {"detail": "Method Not Allowed"})


@pytest.mark.parametrize(
    ("content", "param"),
    [
        (b"[]\n", "file"),
        (b"{\n", "file"),
        (b'{"custom_id": "a", "method": "POST", "body": {}}\n', "url"),
        (b'\n{"method": "POST", "url": "/v1/x", "body": {}}\n', "custom_id"),
        (b"", "file"),
    ],
)
def test_a_file_that_holds_no_requests_is_refused_when_it_comes(
    regolo: ServerProcess, content: bytes, param: str
) -> None:
    files = regolo.directory / "data" / "files"
    with regolo.client() as client:
        for batch in client.batches.list():
            ended(client, batch.id)
    before = sorted(path.name for path in files.iterdir())
    with regolo.client() as client, pytest.raises(openai.BadRequestError) as refused:
        client.files.create(file=("r.jsonl", content), purpose="batch")

    assert (refused.value.param, refused.value.code) == (param, "400")
    assert sorted(path.name for path in files.iterdir()) == before


def test_an_ended_batch_cannot_be_cancelled(regolo: ServerProcess) -> None:
    with regolo.client() as client:
        file = client.files.create(file=lines(chat("a")), purpose="batch")
        batch = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        ended(client, batch.id)

        with pytest.raises(openai.BadRequestError):
            client.batches.cancel(batch.id)


def test_there_may_be_no_batches_at_all(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--flavour", "regolo-no-batch") as running, running.http() as http:
        statuses = {
            path: http.get(path).status_code
            for path in ("/v1/batches?limit=1", "/batches", "/v1/files", "/openai/v1/files/x", "/v1/models")
        }
        created = http.post("/v1/batches", json={})
        answer = http.post("/chat/completions", json=chat("a")["body"])

    assert statuses == {**dict.fromkeys(statuses, 404), "/v1/models": 200}
    assert (created.status_code, created.json()) == (404, {"detail": "Not Found"})
    assert answer.status_code == 200


def test_a_data_directory_is_read_under_another_flavour(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--flavour", "regolo") as running, running.client() as client:
        file = client.files.create(file=lines(chat("a")), purpose="batch")
        running.stop()
    with ServerProcess(tmp_path) as running, running.client() as client:
        (same,) = client.files.list().data

        assert (same.filename, same.bytes) == (file.filename, file.bytes)
        with pytest.raises(openai.NotFoundError):
            client.files.retrieve(file.id)
