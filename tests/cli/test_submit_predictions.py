"""Rows of predictions as batches: what is sent to a prediction server, and what becomes of each row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.prediction_server import Asked, Said, answering
from tests.support import Done, read_lines, write_lines


def spice_answer(asked: Asked) -> Said:
    """Predict for every name; one that begins with ``bad`` fails."""
    found = [
        {"model_name": name, "status": "BadRequest", "error_message": f"Model {name} not found"}
        if name.startswith("bad")
        else {"model_name": name, "status": "Success", "prediction": [1.5, None], "duration_ms": 2}
        for name in (one["model_name"] for one in asked.json["predictions"])
    ]
    return Said({"predictions": found, "duration_ms": 3})


def torch_answer(asked: Asked) -> Said:
    """Double every input; 13 fails the whole request that holds it."""
    inputs = asked.json["inputs"]
    inputs = inputs if isinstance(inputs, list) else [inputs]
    if 13 in inputs:
        return Said({"success": False, "error": "unlucky", "predictions": None})
    return Said({"success": True, "predictions": [2 * value for value in inputs], "model_name": "m"})


class Predictions:
    """The command line, with the address of a server."""

    def __init__(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        self._cli, self._monkeypatch = cli, monkeypatch

    def submit(self, url: str, file: str, model: str, *words: str) -> Done:
        for name in ("SPICE_BASE_URL", "TORCH_BASE_URL"):
            self._monkeypatch.setenv(name, url)
        done: Done = self._cli("submit", file, "-m", model, "--wait", "--results", "out.jsonl", *words)
        return done


@pytest.fixture
def predictions(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Predictions:
    monkeypatch.delenv("SPICE_API_KEY", raising=False)
    monkeypatch.delenv("TORCH_API_KEY", raising=False)
    return Predictions(cli, monkeypatch)


def rows(tmp_path: Path) -> list[Any]:
    return read_lines(tmp_path / "out.jsonl")


def predicted(row: Any) -> Any:
    return row["error"]["message"] if row["error"] else row["response"]["body"]["prediction"]


def sent(asked: list[Asked]) -> list[Any]:
    """Give the inputs of each request."""
    return [one.json["inputs"] for one in asked]


def test_every_element_of_a_json_list_is_a_row(tmp_path: Path, predictions: Predictions) -> None:
    (tmp_path / "in.json").write_text(json.dumps([1, {"custom_id": "b", "inputs": 2}, 3], indent=1))
    with answering(torch_answer) as server:
        done = predictions.submit(server.url, "in.json", "torch/m")

    assert done.code == 0, done.err
    assert [(row["custom_id"], predicted(row)) for row in rows(tmp_path)] == [
        ("request-0", 2),
        ("b", 4),
        ("request-2", 6),
    ]


def test_names_are_asked_for_together_and_each_fails_by_itself(
    tmp_path: Path, predictions: Predictions
) -> None:
    (tmp_path / "names.txt").write_text("a\nbad\n\na\nb\n")
    with answering(spice_answer) as server:
        done = predictions.submit(server.url, "names.txt", "spice/any")

    assert done.code == 7
    assert [one.path for one in server.asked] == ["/v1/predict"]
    assert server.asked[0].json == {"predictions": [{"model_name": name} for name in ("a", "bad", "a", "b")]}
    assert list(map(predicted, rows(tmp_path))) == [
        [1.5, None],
        "Model bad not found",
        [1.5, None],
        [1.5, None],
    ]
    failed = rows(tmp_path)[1]["error"]
    assert (failed["code"], failed["type"], failed["retryable"]) == ("prediction_failed", "BadRequest", False)


def test_no_request_holds_more_rows_than_the_user_allows(tmp_path: Path, predictions: Predictions) -> None:
    write_lines(tmp_path / "in.jsonl", [{"inputs": value} for value in range(10, 13)] * 7)
    with answering(torch_answer) as server:
        done = predictions.submit(server.url, "in.jsonl", "torch/m", "--chunk-size", "4")

    assert done.code == 0, done.err
    assert sum(map(len, sent(server.asked))) == 21
    assert max(map(len, sent(server.asked))) == 4
    assert {one.path for one in server.asked} == {"/predict/batch"}


def test_a_row_that_fails_its_whole_request_fails_alone(tmp_path: Path, predictions: Predictions) -> None:
    write_lines(tmp_path / "in.jsonl", [*range(20)])
    with answering(torch_answer) as server:
        done = predictions.submit(server.url, "in.jsonl", "torch/m")

    assert done.code == 7
    expected = [2 * value for value in range(20)]
    assert [predicted(row) for at, row in enumerate(rows(tmp_path)) if at != 13] == [
        value for value in expected if value != 26
    ]
    assert "unlucky" in predicted(rows(tmp_path)[13])
    assert len(server.asked) <= 2 * 20


def test_only_rows_with_the_same_settings_share_a_request(tmp_path: Path, predictions: Predictions) -> None:
    lines = [{"inputs": 1, "priority": 1}, {"inputs": 2}, {"inputs": 3, "priority": 1}]
    write_lines(tmp_path / "in.jsonl", lines)
    with answering(torch_answer) as server:
        predictions.submit(server.url, "in.jsonl", "torch/m")

    bodies = sorted((one.json for one in server.asked), key=lambda body: len(body["inputs"]))
    assert bodies == [
        {"model_name": "m", "inputs": [2]},
        {"model_name": "m", "priority": 1, "inputs": [1, 3]},
    ]


def test_a_server_without_a_path_for_several_rows_is_asked_one_by_one(
    tmp_path: Path, predictions: Predictions
) -> None:
    write_lines(tmp_path / "in.jsonl", [1, 2, 3])

    def old(asked: Asked) -> Said:
        return Said({"detail": "Not Found"}, 404) if asked.path == "/predict/batch" else torch_answer(asked)

    with answering(old) as server:
        done = predictions.submit(server.url, "in.jsonl", "torch/m")

    assert done.code == 0, done.err
    assert [one.path for one in server.asked] == ["/predict/batch", "/predict", "/predict", "/predict"]
    assert list(map(predicted, rows(tmp_path))) == [2, 4, 6]


def test_a_spice_without_predictions_stops_the_work_and_costs_no_row(
    tmp_path: Path, predictions: Predictions, cli: Cli
) -> None:
    (tmp_path / "names.txt").write_text("a\nb\n")
    with answering(lambda _asked: Said({"message": "no such route"}, 404)) as server:
        done = predictions.submit(server.url, "names.txt", "spice/any")

    assert done.code == 5
    assert "v2.1" in done.err
    assert cli("status", "--json").json["batch"]["counts"]["failed"] == 0


def test_a_request_that_breaks_off_is_sent_again(tmp_path: Path, predictions: Predictions) -> None:
    (tmp_path / "names.txt").write_text("a\n")
    cuts = iter([Said(cut=True), Said(cut=True)])
    with answering(lambda asked: next(cuts, None) or spice_answer(asked)) as server:
        done = predictions.submit(server.url, "names.txt", "spice/any")

    assert done.code == 0, done.err
    assert len(server.asked) == 3


def test_an_answer_with_too_few_predictions_is_believed_for_none(
    tmp_path: Path, predictions: Predictions
) -> None:
    (tmp_path / "names.txt").write_text("a\nb\n")

    def short(asked: Asked) -> Said:
        return Said({"predictions": [{"status": "Success", "prediction": [1]}] * 3}) if asked.json else Said()

    with answering(short) as server:
        done = predictions.submit(server.url, "names.txt", "spice/any")

    assert done.code == 10
    assert {row["error"]["code"] for row in rows(tmp_path)} == {"backend_bad_answer"}


def test_the_key_goes_into_its_header_and_never_over_a_network_in_the_clear(
    tmp_path: Path, predictions: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "names.txt").write_text("a\n")
    monkeypatch.setenv("SPICE_API_KEY", "secret-word")
    with answering(spice_answer) as server:
        done = predictions.submit(server.url, "names.txt", "spice/any", "--base-url", server.url)

    assert done.code == 0, done.err
    assert server.asked[0].headers["x-api-key"] == "secret-word"
    for path in (tmp_path / "state").rglob("*"):
        assert path.is_dir() or b"secret-word" not in path.read_bytes(), path
    refused = predictions.submit("", "names.txt", "spice/any", "--base-url", "http://10.0.0.9:8090")
    assert refused.code == 4
    assert "10.0.0.9" in refused.err


def test_the_prediction_alone_is_the_text_of_a_row(
    tmp_path: Path, predictions: Predictions, cli: Cli
) -> None:
    (tmp_path / "names.txt").write_text("a\n")
    with answering(spice_answer) as server:
        predictions.submit(server.url, "names.txt", "spice/any")

    assert cli("results", "-o", "-", "--format", "text").out == "[1.5,null]\n"


def once_unlucky() -> Any:
    """Fail the model of ``b`` the first time."""
    tries: list[str] = []

    def answer(asked: Asked) -> Said:
        said = spice_answer(asked)
        for one in said.body["predictions"]:
            if one["model_name"] == "b" and "b" not in tries:
                one.update(status="InternalError", prediction=None, error_message="out of memory")
                tries.append("b")
        return said

    return answer


def test_a_failed_row_is_sent_again_by_retry_and_the_best_of_both_is_the_result(
    tmp_path: Path, predictions: Predictions, cli: Cli
) -> None:
    (tmp_path / "names.txt").write_text("a\nb\nbad\n")
    with answering(once_unlucky()) as server:
        assert predictions.submit(server.url, "names.txt", "spice/any").code == 7
        assert "out of memory" in predicted(rows(tmp_path)[1])

        retried = cli("retry", "--submit", "--wait")

    assert retried.code == 0, retried.err
    assert [one.json for one in server.asked[1:]] == [{"predictions": [{"model_name": "b"}]}]
    cli("results", "-o", "merged.jsonl")
    merged = read_lines(tmp_path / "merged.jsonl")
    assert [row["error"] is None for row in merged] == [True, True, False]


def test_run_takes_rows_to_their_predictions(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "names.txt").write_text("a\nb\n")
    with answering(once_unlucky()) as server:
        monkeypatch.setenv("SPICE_BASE_URL", server.url)
        done = cli("run", "names.txt", "-m", "spice/any", "-o", "out.jsonl")

    assert done.code == 0, done.err
    assert list(map(predicted, rows(tmp_path))) == [[1.5, None]] * 2
    assert len(server.asked) == 2


MODEL = """
def double(value):
    if value == 3:
        raise ValueError("never three")
    return 2 * value
"""


def test_a_function_answers_rows_without_a_server_and_another_version_of_it_is_another_batch(
    tmp_path: Path, predictions: Predictions
) -> None:
    (tmp_path / "m.py").write_text(MODEL)
    write_lines(tmp_path / "in.jsonl", [1, 2, 3])

    done = predictions.submit("", "in.jsonl", "function/m.py:double")

    assert done.code == 7
    assert list(map(predicted, rows(tmp_path))) == [[2.0], [4.0], "ValueError: never three"]
    first = (tmp_path / "function_batch_id.txt").read_text()
    predictions.submit("", "in.jsonl", "function/m.py:double")
    assert (tmp_path / "function_batch_id.txt").read_text() == first
    (tmp_path / "m.py").write_text(MODEL.replace("2 *", "3 *"))
    predictions.submit("", "in.jsonl", "function/m.py:double")
    assert (tmp_path / "function_batch_id.txt").read_text() != first


def test_a_model_that_changed_under_a_batch_stops_it(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batch_cli.engine.live_worker.LiveBatch.start", lambda *_: False)
    (tmp_path / "m.py").write_text(MODEL)
    write_lines(tmp_path / "in.jsonl", [1, 2])
    assert cli("submit", "in.jsonl", "-m", "function/m.py:double").code == 0
    (tmp_path / "m.py").write_text(MODEL + "\n")

    done = cli("wait")

    assert done.code == 3
    assert "has changed since the batch was submitted" in done.err
    (tmp_path / "m.py").write_text(MODEL)
    assert cli("wait").code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-m", "function/m.py"), "does not name a function"),
        (("-m", "function/none.py:f"), "none.py"),
        (("-m", "onnx/none.onnx"), "none.onnx"),
        (("-m", "onnx/m.onnx", "--base-url", "http://localhost:1"), "runs in this process"),
        (("-m", "torch/m", "--dedupe"), "not for predictions"),
    ],
)
def test_what_cannot_predict_is_refused_before_anything_is_kept(
    tmp_path: Path, cli: Cli, words: tuple[str, ...], message: str
) -> None:
    write_lines(tmp_path / "in.jsonl", [1])

    done = cli("submit", "in.jsonl", *words)

    assert done.code in (2, 3)
    assert message in done.err
    assert cli("list", "--json").json["batches"] == []


def test_a_chat_is_no_row(tmp_path: Path, cli: Cli) -> None:
    line = {"messages": [{"role": "user", "content": "Hi"}]}
    (tmp_path / "chat.jsonl").write_text(json.dumps(line) + "\n")

    done = cli("submit", "chat.jsonl", "-m", "torch/m")

    assert done.code == 3
    assert "chat model" in done.err


def test_create_writes_the_request_lines_that_submit_takes(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "n.csv").write_text("custom_id,x,y\na,1,2\nb,3,\n")

    done = cli("create", "--messages-file", "n.csv", "-m", "torch/m", "--output-file", "r.jsonl")

    assert done.code == 0, done.err
    assert read_lines(tmp_path / "r.jsonl") == [
        {
            "custom_id": custom_id,
            "method": "POST",
            "url": "/predict",
            "body": {"model_name": "m", "inputs": inputs},
        }
        for custom_id, inputs in (("a", [1, 2]), ("b", [3, None]))
    ]
    assert cli("validate", "r.jsonl", "--provider", "torch").code == 0
