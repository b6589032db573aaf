"""The PyTorch server's wire, over a real socket: as its pages say, and as it really was."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from batch_cli.serve.prediction import Models, routes
from tests.serve.prediction.running import running


def post(server: httpx.Client, path: str, body: Any = None) -> Any:
    return server.post(path, json={} if body is None else body).raise_for_status().json()


@pytest.fixture(params=[False, True], ids=["documented", "old"])
def either(request: pytest.FixtureRequest, server: httpx.Client, old_server: httpx.Client) -> httpx.Client:
    """Give both kinds of server, one after the other."""
    chosen: httpx.Client = old_server if request.param else server
    return chosen


def example_is(directory: Path, function: str, *, old_shapes: bool) -> Any:
    """Give a server whose example model is one of the user's functions."""
    models = Models.load([f"example=mine.py:{function}"], directory)
    return running([*routes(models, old_shapes=old_shapes)])


def test_the_documented_batch_example_has_every_field_of_its_page(server: httpx.Client) -> None:
    answer = post(server, "/examples/batch")
    response = answer["response"]

    assert (answer["example"], answer["input_count"]) == ("batch_prediction", 5)
    assert response["success"] is True
    assert [len(each) for each in response["predictions"]] == [1] * 5
    assert (
        response["batch_info"].items()
        >= {
            "batch_size": 5,
            "successful_predictions": 5,
            "failed_predictions": 0,
        }.items()
    )
    assert set(response["batch_info"]["processing_time"]) == {
        "preprocessing_ms",
        "inference_ms",
        "postprocessing_ms",
    }
    assert (
        response["metadata"].items()
        >= {
            "framework_version": "1.0.0",
            "model_version": "v1",
            "batch_processing": True,
            "input_shape": [5, 1],
            "output_shape": [5, 1],
        }.items()
    )
    assert len(response["metadata"]["individual_inference_times"]) == 5
    assert response["model_name"] == "example"
    assert response["inference_time_ms"] > 0
    assert response["request_id"].startswith("batch_req_")
    assert response["timestamp"].endswith("Z")
    assert "results" not in response


def test_the_old_batch_example_has_the_fields_that_were_sent(old_server: httpx.Client) -> None:
    answer = post(old_server, "/examples/batch")
    response = answer["response"]

    assert answer["input_count"] == 5
    assert set(response) == {"success", "results", "error", "processing_time", "batch_size"}
    assert (response["success"], response["error"], response["batch_size"]) == (True, None, 5)
    assert [type(each) for each in response["results"]] == [float] * 5


@pytest.mark.parametrize("content", [b"", b"{}", b"not json", b"[1"])
def test_the_batch_example_ignores_its_body(either: httpx.Client, content: bytes) -> None:
    assert either.post("/examples/batch", content=content).json()["input_count"] == 5


def test_the_batch_example_is_deterministic(server: httpx.Client) -> None:
    first, second = (post(server, "/examples/batch")["response"]["predictions"] for _ in range(2))

    assert first == second


def test_a_failed_item_is_null_and_listed_in_the_documented_example(directory: Path) -> None:
    with example_is(directory, "picky", old_shapes=False) as server:
        response = post(server, "/examples/batch")["response"]

    assert response["success"] is True
    assert response["predictions"] == [[1.0], [2.0], None, [4.0], [5.0]]
    assert response["batch_info"]["failed_indices"] == [2]
    assert response["batch_info"]["failure_reasons"] == ["ValueError: three is refused"]
    assert response["warnings"] == ["Some predictions in the batch failed - see failed_indices for details"]


def test_a_failed_item_fails_the_whole_old_batch_with_status_200(directory: Path) -> None:
    with example_is(directory, "picky", old_shapes=True) as server:
        response = post(server, "/examples/batch")["response"]

    assert response == {
        "success": False,
        "results": [],
        "error": "ValueError: three is refused",
        "processing_time": None,
        "batch_size": 5,
    }


def test_a_batch_example_that_fails_entirely_is_a_500_in_the_documentation(directory: Path) -> None:
    with example_is(directory, "leaves", old_shapes=False) as server:
        batch, simple = server.post("/examples/batch"), server.post("/examples/simple", json={})

    assert (batch.status_code, batch.json()) == (
        500,
        {"detail": "Batch inference failed: SystemExit: leaving"},
    )
    assert (simple.status_code, simple.json()) == (
        500,
        {"detail": "Model inference failed: SystemExit: leaving"},
    )


def test_the_documented_simple_example_says_prediction(server: httpx.Client) -> None:
    answer = post(server, "/examples/simple", {"input": [1, 2, 3]})
    response = answer["response"]

    assert (answer["example"], answer["input"]) == ("simple_prediction", [1, 2, 3])
    assert (response["success"], len(response["prediction"])) == (True, 1)
    assert response["metadata"]["input_shape"] == [3]
    assert response["request_id"].startswith("req_")
    assert response["inference_time_ms"] > 0
    assert "result" not in response


def test_the_old_simple_example_says_result(old_server: httpx.Client) -> None:
    response = post(old_server, "/examples/simple", {"input": 3})["response"]

    assert response.pop("processing_time") > 0
    assert response == {
        "success": True,
        "result": pytest.approx(0.7305, abs=1e-3),
        "error": None,
        "model_info": {"model": "example", "device": "cpu"},
    }


def test_the_simple_example_takes_42_if_nothing_is_given(either: httpx.Client) -> None:
    assert post(either, "/examples/simple", {})["input"] == 42


@pytest.mark.parametrize("content", [b"", b"[1]"])
def test_the_simple_example_needs_an_object(either: httpx.Client, content: bytes) -> None:
    answer = either.post("/examples/simple", content=content)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body"]


@pytest.mark.parametrize(
    "value", [42, 3.14, "text", [1, 2, 3, 4, 5], [], {}, {"a": [1]}, True, None, ["x"], 10**30]
)
def test_the_example_model_takes_any_json_value(either: httpx.Client, value: Any) -> None:
    answer = post(either, "/examples/simple", {"input": value})

    assert (answer["response"]["success"], answer["input"]) == (True, value)


def test_a_single_prediction_has_the_fields_of_its_page(either: httpx.Client) -> None:
    answer = post(either, "/predict", {"inputs": 3, "priority": 1, "timeout": 5})

    assert set(answer) == {"success", "result", "error", "processing_time", "model_info"}
    assert (answer["success"], type(answer["result"])) == (True, float)


def test_a_prediction_that_fails_has_status_200_and_success_false(either: httpx.Client) -> None:
    answer = post(either, "/predict", {"inputs": 3, "model_name": "picky"})

    assert answer == {
        "success": False,
        "result": None,
        "error": "ValueError: three is refused",
        "processing_time": None,
        "model_info": None,
    }


def test_a_batch_gives_one_result_for_each_input_in_order(either: httpx.Client) -> None:
    answer = post(either, "/predict/batch", {"inputs": [3, [1, 2], -1], "model_name": "double"})

    assert (answer["results"], answer["batch_size"], answer["error"]) == ([6.0, [2.0, 4.0], -2.0], 3, None)
    assert answer["processing_time"] > 0


def test_one_bad_input_is_an_error_of_its_own_in_the_documentation(server: httpx.Client) -> None:
    answer = post(server, "/predict/batch", {"inputs": [1, 3, 2], "model_name": "picky"})

    assert (answer["success"], answer["batch_size"]) == (True, 3)
    assert answer["results"] == [1.0, {"error": "ValueError: three is refused"}, 2.0]


def test_one_bad_input_fails_the_old_batch_and_the_size_is_kept(old_server: httpx.Client) -> None:
    answer = post(old_server, "/predict/batch", {"inputs": [1, 3, 2], "model_name": "picky"})

    assert (answer["success"], answer["results"], answer["batch_size"]) == (False, [], 3)
    assert answer["error"] == "ValueError: three is refused"


def test_a_documented_batch_fails_if_all_of_it_did(server: httpx.Client) -> None:
    answer = post(server, "/predict/batch", {"inputs": [3, 3], "model_name": "picky"})

    assert (answer["success"], answer["results"], answer["batch_size"]) == (False, [], 0)
    assert answer["error"] == "Batch processing failed: ValueError: three is refused"


def test_an_empty_batch_succeeds(either: httpx.Client) -> None:
    answer = post(either, "/predict/batch", {"inputs": []})

    assert (answer["success"], answer["results"], answer["batch_size"]) == (True, [], 0)


def test_an_unknown_model_is_status_200_and_says_that_it_is_not_available(either: httpx.Client) -> None:
    single = post(either, "/predict", {"inputs": 1, "model_name": "nobody"})
    batch = post(either, "/predict/batch", {"inputs": [1], "model_name": "nobody"})

    assert (single["success"], single["model_info"]) == (False, {"model": "nobody", "available": False})
    assert (batch["success"], batch["error"]) == (False, "Model 'nobody' is not available")


def test_no_number_is_ever_nan(either: httpx.Client) -> None:
    answer = either.post("/predict", json={"inputs": [1, 2], "model_name": "large"})

    assert answer.json()["result"] == [0.1, 1e300, None, None, None, 16777217.0]
    assert "NaN" not in answer.text


def test_a_timeout_has_a_text_in_the_documentation_and_an_empty_one_on_the_old_wire(
    server: httpx.Client, old_server: httpx.Client
) -> None:
    body = {"inputs": [1], "model_name": "hangs", "timeout": 0.05}

    single, old_single = (post(each, "/predict", body) for each in (server, old_server))
    batch, old_batch = (post(each, "/predict/batch", body) for each in (server, old_server))

    assert (single["success"], single["error"]) == (False, "timeout exceeded")
    assert (batch["success"], batch["error"]) == (False, "Batch processing failed: timeout exceeded")
    assert (old_single["success"], old_single["error"]) == (False, "")
    assert (old_batch["success"], old_batch["error"], old_batch["batch_size"]) == (False, "", 1)


def test_a_timeout_of_zero_is_none(server: httpx.Client) -> None:
    assert post(server, "/predict", {"inputs": 1, "timeout": 0})["success"] is True


def test_models_that_hang_do_not_keep_the_server_from_answering(directory: Path) -> None:
    models = Models.load(["mine.py:hangs"], directory)
    with running([*routes(models)]) as server:
        for _ in range(9):  # one more than run at a time
            post(server, "/predict", {"inputs": 1, "model_name": "hangs", "timeout": 0.02})

        assert server.get("/models").status_code == 200
        assert post(server, "/predict", {"inputs": 1, "timeout": 0.02})["error"] == "timeout exceeded"


@pytest.mark.parametrize(
    ("body", "where", "kind"),
    [
        ({}, ["body", "inputs"], "missing"),
        ({"inputs": 3}, ["body", "inputs"], "list_type"),
        ({"inputs": [], "priority": "high"}, ["body", "priority"], "int_parsing"),
        ({"inputs": [], "timeout": "soon"}, ["body", "timeout"], "float_parsing"),
        ([], ["body"], "model_attributes_type"),
    ],
)
def test_a_bad_body_is_refused_with_the_list_that_fastapi_gives(
    either: httpx.Client, body: Any, where: list[str], kind: str
) -> None:
    answer = either.post("/predict/batch", json=body)

    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert set(fault) == {"type", "loc", "msg", "input"}
    assert (fault["loc"], fault["type"]) == (where, kind)


@pytest.mark.parametrize(
    "content", [b'{"inputs": [NaN]}', b"{", b"\xff", b'{"inputs":' + b"[" * 600 + b"]" * 600 + b"}"]
)
def test_what_is_not_strict_json_is_refused(either: httpx.Client, content: bytes) -> None:
    answer = either.post("/predict/batch", content=content, headers={"content-type": "application/json"})

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["type"] == "json_invalid"


def test_a_body_of_another_type_is_no_object(either: httpx.Client) -> None:
    answer = either.post("/predict", content=b'{"inputs": 1}', headers={"content-type": "text/plain"})

    assert answer.status_code == 422


def test_a_body_that_is_too_large_is_refused(either: httpx.Client) -> None:
    answer = either.post("/predict/batch", content=b" " * 10_001)

    assert (answer.status_code, set(answer.json())) == (413, {"detail"})


def test_another_method_is_refused_as_fastapi_does(either: httpx.Client) -> None:
    answer = either.get("/predict/batch")

    assert (answer.status_code, answer.json()) == (405, {"detail": "Method Not Allowed"})
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/health", "/stats", "/models", "/predict"])
def test_every_answer_says_how_many_seconds_it_took(either: httpx.Client, path: str) -> None:
    assert float(either.get(path).headers["x-process-time"]) >= 0


def test_health_has_its_flag_checks_and_statistics(either: httpx.Client) -> None:
    answer = either.get("/health").raise_for_status().json()

    assert set(answer) == {"healthy", "checks", "timestamp", "engine_stats"}
    assert answer["healthy"] is True
    assert (
        answer["checks"].items()
        >= {
            "engine_running": True,
            "model_loaded": True,
            "queue_size": 0,
            "queue_healthy": True,
            "inference_healthy": True,
        }.items()
    )
    assert type(answer["timestamp"]) is float


def test_health_is_status_200_also_when_it_is_bad(directory: Path) -> None:
    with example_is(directory, "leaves", old_shapes=False) as server:
        answer = server.get("/health")

    assert (answer.status_code, answer.json()["healthy"]) == (200, False)
    assert answer.json()["checks"]["inference_error"] == "SystemExit: leaving"


def test_the_models_are_listed_with_their_number(either: httpx.Client) -> None:
    answer = either.get("/models").raise_for_status().json()

    assert answer["total_models"] == len(answer["models"]) == len(answer["model_info"])
    assert {"example", "double"} <= set(answer["models"])


def test_statistics_count_inputs_batches_and_errors(directory: Path) -> None:
    models = Models.load(["mine.py:picky"], directory)
    with running([*routes(models)]) as server:
        fresh = server.get("/stats").raise_for_status().json()["stats"]
        post(server, "/predict/batch", {"inputs": [1, 2, 3], "model_name": "picky"})
        post(server, "/predict", {"inputs": 1})
        answer = server.get("/stats").json()

    assert (fresh["requests_processed"], fresh["throughput_rps"]) == (0, 0)
    assert (
        answer["stats"].items()
        >= {
            "requests_processed": 4,
            "batches_processed": 2,
            "average_batch_size": 2.0,
            "errors": 1,
            "running": True,
        }.items()
    )
    assert answer["performance_report"]["error_rate"] == 0.25


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("POST", "/examples/batch", 500, "Batch inference failed: Model not available"),
        ("POST", "/predict/batch", 503, "Inference engine not available"),
        ("POST", "/predict", 503, "Inference services not available"),
        ("GET", "/stats", 503, "Inference engine not available"),
    ],
)
def test_without_an_engine_the_errors_are_the_documented_ones(
    engineless: httpx.Client, method: str, path: str, status: int, detail: str
) -> None:
    answer = engineless.request(method, path, json={"inputs": []} if method == "POST" else None)

    assert (answer.status_code, answer.json()) == (status, {"detail": detail})


@pytest.fixture
def old_engineless(directory: Path) -> Iterator[httpx.Client]:
    with running([*routes(Models.load(["example=broken.py:f"], directory), old_shapes=True)]) as client:
        yield client


def test_without_an_engine_the_old_examples_wrap_the_inner_error(old_engineless: httpx.Client) -> None:
    batch = old_engineless.post("/examples/batch")
    simple = old_engineless.post("/examples/simple", json={})

    assert (batch.status_code, batch.json()["detail"]) == (500, "503: Inference engine not available")
    assert (simple.status_code, simple.json()["detail"]) == (500, "503: Inference services not available")


def test_without_an_engine_health_is_status_200_and_says_so(engineless: httpx.Client) -> None:
    answer = engineless.get("/health")

    assert (answer.status_code, answer.json()["healthy"]) == (200, False)
    assert (answer.json()["checks"], answer.json()["engine_stats"]) == ({"inference_engine": False}, None)


def test_clients_at_the_same_time_all_get_their_own_answers(server: httpx.Client) -> None:
    results: dict[int, Any] = {}

    def call(number: int) -> None:
        results[number] = post(server, "/predict/batch", {"inputs": [number] * 3, "model_name": "double"})[
            "results"
        ]

    threads = [threading.Thread(target=call, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == {number: [2.0 * number] * 3 for number in range(40)}
