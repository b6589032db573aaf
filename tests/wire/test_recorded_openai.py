"""Answers that others have had from the real service: the server gives the same fields of the same types."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serving import ServerProcess, wait_until
from tests.support import chat

RECORDED = sorted((Path(__file__).parent / "openai").glob("*.json"))


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Give what the server answers in the life of a batch with one good request and one refused one."""
    with ServerProcess(tmp_path_factory.mktemp("server")) as running, running.http() as http:
        bad = chat("bad", "Hi")
        bad["body"]["temperature"] = 7
        content = "".join(json.dumps(line) + "\n" for line in (chat("good", "Hi"), bad))
        uploaded = http.post(
            "/v1/files", data={"purpose": "batch"}, files={"file": ("in.jsonl", content)}
        ).json()
        wanted = {
            "input_file_id": uploaded["id"],
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
        }
        created = http.post("/v1/batches", json=wanted).json()
        path = f"/v1/batches/{created['id']}"
        wait_until(lambda: http.get(path).json()["status"] == "completed")
        completed = http.get(path).json()
        yield {
            "upload": uploaded,
            "create": created,
            "completed": completed,
            "output row": _row(http, completed["output_file_id"]),
            "error row": _row(http, completed["error_file_id"]),
        }


def _row(http: httpx.Client, file_id: str) -> Any:
    (line,) = http.get(f"/v1/files/{file_id}/content").text.splitlines()
    return json.loads(line)


def shape(value: Any) -> Any:
    """Give the names and types in a value; words that programs look at stand for themselves."""
    if isinstance(value, dict):
        words = {"object", "status", "purpose", "role", "finish_reason", "endpoint", "completion_window"}
        return {
            name: inner if name in words and isinstance(inner, str) else shape(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_the_server_answers_as_the_service_did(answers: dict[str, Any], path: Path) -> None:
    exchange = json.loads(path.read_text(encoding="utf-8"))

    assert exchange.keys() == {"source", "date", "request", "response"}
    assert shape(answers[exchange["request"]["what"]]) == shape(exchange["response"])


def test_there_are_answers_to_compare_with() -> None:
    assert len(RECORDED) >= 5
