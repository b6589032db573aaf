"""Mistral's wire, where it is not OpenAI's, against a small server that speaks it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_cli.clock import SystemClock
from batch_cli.errors import OutcomeUnknown, Rejected
from batch_cli.events import ignore
from batch_cli.model import BatchStatus, Secret
from batch_cli.providers import open_provider
from batch_cli.providers.base import BatchOptions, Place, Provider
from tests.contract.grounds import KEY, URL, mistral_line
from tests.mistral_server import MistralServer
from tests.support import Done, command, read_lines, write_lines

CREATE = "POST /v1/batch/jobs"
OPTIONS = BatchOptions(URL, "mistral-small-latest", 1, {"k": "v"})


@pytest.fixture
def server() -> Iterator[MistralServer]:
    with MistralServer() as running:
        yield running


@pytest.fixture
def provider(server: MistralServer, tmp_path: Path) -> Iterator[Provider]:
    place = Place(tmp_path / "state", {"MISTRAL_BASE_URL": f"{server.url}/v1"}, Secret("k"))
    opened = open_provider("mistral", place, SystemClock())
    yield opened
    opened.close()


def uploaded(server: MistralServer) -> str:
    line = json.dumps(mistral_line("a", "Hi")).encode() + b"\n"
    return server.add_file(f"{KEY}.jsonl", "batch", line, "batch_request").id


def test_a_job_carries_its_model_its_time_and_the_mark_of_its_submit(
    server: MistralServer, provider: Provider
) -> None:
    staged = uploaded(server)

    job = server.jobs[provider.create(KEY, staged, OPTIONS).id]

    assert job.asked == {
        "input_files": [staged],
        "endpoint": URL,
        "model": "mistral-small-latest",
        "timeout_hours": 24,
        "metadata": {"k": "v", "batch_cli_intent": KEY},
    }


def test_a_job_whose_answer_was_lost_is_found_and_not_made_again(
    server: MistralServer, provider: Provider
) -> None:
    staged, began = uploaded(server), time.time()
    server.lost_answers.add(CREATE)

    with pytest.raises(OutcomeUnknown):
        provider.create(KEY, staged, OPTIONS)
    found = provider.find(KEY, staged, began)

    assert found is not None
    assert [found.id] == list(server.jobs)
    assert server.requests.count(CREATE) == 1


def test_an_upload_whose_answer_was_lost_is_found_by_its_name(server: MistralServer, tmp_path: Path) -> None:
    server.lost_answers.add("POST /v1/files")
    done = run(server, tmp_path, "submit", str(requests(tmp_path)), "-m", "mistral/m", "-q")

    assert done.code == 0, done.err
    assert len(server.files) == len(server.jobs) == 1


def test_a_job_is_found_behind_a_hundred_others(server: MistralServer, provider: Provider) -> None:
    began = time.time()
    wanted = server.add_job({"endpoint": URL, "input_files": [uploaded(server)]})
    other = uploaded(server)
    for _ in range(150):
        server.add_job({"endpoint": URL, "input_files": [other]})

    found = provider.find(KEY, wanted.asked["input_files"][0], began)

    assert found is not None
    assert found.id == wanted.id
    assert [one for one in server.requests if one.startswith("GET")] == [
        "GET /v1/batch/jobs?order_by=-created&page=0&page_size=100",
        "GET /v1/batch/jobs?order_by=-created&page=1&page_size=100",
    ]


def test_what_its_validation_refuses_is_told_with_the_field(
    server: MistralServer, provider: Provider
) -> None:
    options = BatchOptions(URL, "m", 1, {"k": "x" * 600})

    with pytest.raises(Rejected, match=r"body\.metadata\.k: String should have at most 512 characters"):
        provider.create(KEY, uploaded(server), options)


@pytest.mark.parametrize("batch_id", ["nobody", "3f2c0c1e-0b5b-4ad7-9d5c-3f6a8c1f0001"])
def test_an_unknown_job_is_none_be_its_id_well_formed_or_not(provider: Provider, batch_id: str) -> None:
    assert provider.retrieve(batch_id) is None
    assert provider.cancel(batch_id) is None


def test_a_job_that_ran_out_of_time_has_the_results_of_what_was_done(
    server: MistralServer, provider: Provider
) -> None:
    batch_id = provider.create(KEY, uploaded(server), OPTIONS).id
    provider.drive(batch_id, ignore, 10)
    server.jobs[batch_id].status = "TIMEOUT_EXCEEDED"

    ended = provider.retrieve(batch_id)

    assert ended is not None
    assert (ended.status, ended.raw_status) == (BatchStatus.EXPIRED, "TIMEOUT_EXCEEDED")
    assert [row.custom_id for row in provider.results(batch_id)] == ["a"]


def test_an_error_that_does_not_say_whose_it_is_leaves_its_request_missing(
    server: MistralServer, tmp_path: Path
) -> None:
    file = requests(tmp_path)
    assert run(server, tmp_path, "submit", str(file), "-m", "mistral/m", "-q").code == 0
    assert run(server, tmp_path, "wait").code == 0
    (job,) = server.jobs.values()
    nameless = {"id": "batch-1", "response": None, "error": {"message": "out of luck"}}
    kept = server.files[str(job.output_file)].content.split(b"\n")
    server.files[str(job.output_file)].content = b"\n".join(kept[1:])
    job.error_file = server.add_file("e", "batch", json.dumps(nameless).encode() + b"\n", "batch_error").id

    done = run(server, tmp_path, "results", "-o", "out.jsonl")

    assert done.code == 7, done.err
    assert "named no request" in done.err
    assert "the first: out of luck" in done.err
    assert [row["error"] is None for row in read_lines(tmp_path / "out.jsonl")].count(False) == 1


def test_a_delete_takes_the_job_and_its_files(server: MistralServer, provider: Provider) -> None:
    batch_id = provider.create(KEY, uploaded(server), OPTIONS).id
    provider.drive(batch_id, ignore, 10)

    assert {kind for kind, _ in provider.delete(batch_id)} == {"batch", "input", "output"}
    assert not server.jobs
    assert not server.files


def requests(directory: Path) -> Path:
    return write_lines(directory / "r.jsonl", [mistral_line(f"r{n}", f"text {n}") for n in range(3)])


def run(server: MistralServer, directory: Path, *words: str) -> Done:
    environment = {"MISTRAL_BASE_URL": f"{server.url}/v1", "MISTRAL_API_KEY": "canary-9f81"}
    return command(directory, *words, env=environment)


def test_the_commands_run_from_a_file_to_its_answers(server: MistralServer, tmp_path: Path) -> None:
    submitted = run(server, tmp_path, "submit", str(requests(tmp_path)), "-m", "mistral/mistral-small-latest")
    waited = run(server, tmp_path, "wait")
    status = run(server, tmp_path, "status", "--json")
    fetched = run(server, tmp_path, "results", "-o", "out.jsonl")

    assert [done.code for done in (submitted, waited, status, fetched)] == [0, 0, 0, 0], submitted.err
    assert status.json["batch"]["raw_status"] == "SUCCESS"
    assert [row["custom_id"] for row in read_lines(tmp_path / "out.jsonl")] == ["r0", "r1", "r2"]
    assert "canary" not in "".join(done.out + done.err for done in (submitted, waited, status, fetched))
