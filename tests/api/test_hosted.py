"""The Python interface against providers elsewhere: the same script for each, on a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from batch_cli import (
    BatchProcessor,
    ConfigError,
    DamagedData,
    Rejected,
    Surroundings,
    extract_results,
    get_batch,
    get_batch_results,
    submit_batch,
)
from batch_cli.demo import User
from tests.serving import ServerProcess
from tests.support import read_lines

CONVERSATIONS = [
    [{"role": "user", "content": f"I'm {name}, {age} years old."}] for name, age in (("Ada", 36), ("Ben", 41))
]
PLACES = {
    "openai/simulate": ("OPENAI_BASE_URL", "/v1"),
    "anthropic/claude-x": ("ANTHROPIC_BASE_URL", ""),
    "google/gemini-2.0-flash": ("GOOGLE_GEMINI_BASE_URL", ""),
    "acme/simulate": ("ACME_BASE_URL", "/v1"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server")) as running:
        yield running


def at(server: ServerProcess, tmp_path: Path, **more: str) -> Surroundings:
    addresses = {variable: server.url + path for variable, path in PLACES.values()}
    return Surroundings(tmp_path / "state", {"HOME": str(tmp_path), **addresses, **more})


def play(server: ServerProcess, name: str) -> None:
    answer = httpx.post(f"{server.url}/_emulator/scenario", json={"play": [name]})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("model", PLACES)
def test_one_script_runs_everywhere(server: ServerProcess, tmp_path: Path, model: str) -> None:
    processor = BatchProcessor(model, User, api_key="key-test", surroundings=at(server, tmp_path))

    batch_id = processor.submit_batch(processor.create_batch_from_messages(CONVERSATIONS))
    info = processor.wait(batch_id)

    assert (info.id, info.provider, info.status) == (batch_id, model.partition("/")[0], "completed")
    assert info.raw_data
    assert info.timestamps.created_at is not None
    assert processor.get_batch_status(batch_id)["status"] == "completed"
    users = extract_results(processor.retrieve_results(batch_id))
    assert users == [User(name="Ada", age=36), User(name="Ben", age=41)]
    assert batch_id in [one.id for one in processor.list_batches(100)]


def test_the_results_of_openai_name_their_files(server: ServerProcess, tmp_path: Path) -> None:
    processor = BatchProcessor("openai/simulate", User, api_key="key-test", surroundings=at(server, tmp_path))

    info = processor.wait(processor.submit_batch(processor.create_batch_from_messages(CONVERSATIONS)))

    assert info.files.input_file_id is not None
    assert info.files.output_file_id is not None


def test_results_that_cannot_all_be_believed_are_no_list(server: ServerProcess, tmp_path: Path) -> None:
    processor = BatchProcessor("openai/simulate", str, api_key="key-test", surroundings=at(server, tmp_path))
    play(server, "torn")
    batch_id = processor.submit_batch(processor.create_batch_from_messages(CONVERSATIONS))
    processor.wait(batch_id)
    play(server, "ok")

    given = []
    with pytest.raises(DamagedData) as caught:
        for result in processor.iter_results(batch_id):
            given.append(result)  # noqa: PERF402 - what came before it fails
    assert batch_id in str(caught.value)
    assert [result.success for result in given] == [True, False]
    with pytest.raises(DamagedData):
        processor.retrieve_results(batch_id)
    with pytest.raises(DamagedData):
        processor.get_results(batch_id, tmp_path / "out.jsonl")
    assert len(read_lines(tmp_path / "out.jsonl")) == 2
    assert (tmp_path / "out.jsonl.damaged.jsonl").exists()


def test_regolo_is_asked_where_nothing_else_is_said(tmp_path: Path) -> None:
    lines = [{"model": "Llama-3.3-70B", "messages": messages} for messages in CONVERSATIONS]
    (tmp_path / "server").mkdir()
    with ServerProcess(tmp_path / "server", "--flavour", "regolo") as server:
        place = at(server, tmp_path, REGOLO_BASE_URL=server.url, REGOLO_API_KEY="sk-test")

        batch = submit_batch("\n".join(map(json.dumps, lines)), surroundings=place)
        BatchProcessor("regolo/x", str, surroundings=place).wait(batch.id)

        assert get_batch(batch.id, surroundings=place).request_counts.total == 2
        assert len(get_batch_results(batch.id, surroundings=place)) == 2
        elsewhere = Surroundings(tmp_path / "other", place.environment)
        assert get_batch(batch.id, surroundings=elsewhere).provider == "regolo"


def test_a_batch_that_is_not_there_is_an_error_of_ours(server: ServerProcess, tmp_path: Path) -> None:
    processor = BatchProcessor("openai/simulate", User, api_key="key-test", surroundings=at(server, tmp_path))

    with pytest.raises(Rejected):
        processor.get_batch("batch_none")


def test_a_key_that_cannot_be_one_is_refused(server: ServerProcess, tmp_path: Path) -> None:
    processor = BatchProcessor("openai/simulate", User, api_key="sk ant", surroundings=at(server, tmp_path))

    with pytest.raises(ConfigError) as caught:
        processor.list_batches()
    assert "sk ant" not in str(caught.value)
