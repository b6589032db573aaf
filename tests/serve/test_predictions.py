"""The prediction endpoints as part of the served application."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.serving import ServerProcess
from tests.support import command

CODE = "def double(value):\n    return [2.0 * each for each in value]\n"


@pytest.fixture(scope="module")
def predicting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    directory = tmp_path_factory.mktemp("server")
    (directory / "mine.py").write_text(CODE)
    with ServerProcess(directory, "--prediction-model", "twice=mine.py:double") as running:
        yield running


def test_several_models_answer_one_request_without_a_key(predicting: ServerProcess) -> None:
    body = {"predictions": [{"model_name": "twice"}, {"model_name": "nobody"}]}

    answer = httpx.post(f"{predicting.url}/v1/predict", json=body)

    assert answer.status_code == 200
    first, second = answer.json()["predictions"]
    assert (first["model_name"], first["status"]) == ("twice", "Success")
    assert len(first["prediction"]) == 10
    assert second["status"] != "Success"


def test_a_batch_of_inputs_is_answered(predicting: ServerProcess) -> None:
    answer = httpx.post(f"{predicting.url}/predict/batch", json={"inputs": [[1.0], [2.0]]})

    assert answer.status_code == 200
    assert answer.json()["success"] is True


def test_the_other_wires_still_ask_for_a_key(predicting: ServerProcess) -> None:
    assert httpx.get(f"{predicting.url}/v1/models").status_code == 401
    assert httpx.get(f"{predicting.url}/health").json()["status"] == "ok"


def test_with_a_token_predictions_need_it_too(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0123456789abcdef-token")
    (tmp_path / "token").chmod(0o600)
    with ServerProcess(tmp_path, "--token-file", "token") as server:
        url = f"{server.url}/v1/ready"

        assert httpx.get(url).status_code == 401
        assert httpx.get(url, headers={"X-API-Key": "wrong"}).status_code == 401
        assert httpx.get(url, headers={"X-API-Key": "0123456789abcdef-token"}).status_code == 200


def test_a_model_that_is_no_function_of_a_file_is_refused_at_the_start(tmp_path: Path) -> None:
    done = command(tmp_path, "serve", "--port", "0", "--prediction-model", "nonsense")

    assert done.code == 2
    assert done.out == ""
    assert "Traceback" not in done.err
