"""Spice's wire, over a real socket, as its clients need it."""

from __future__ import annotations

import json
import socket
from typing import Any

import httpx
import pytest

from batch_cli.serve.prediction import Models, model_entries


def predict(server: httpx.Client, *names: str) -> Any:
    body = {"predictions": [{"model_name": name} for name in names]}
    return server.post("/v1/predict", json=body).raise_for_status().json()


def test_the_documented_request_gets_the_documented_answer(server: httpx.Client) -> None:
    answer = predict(server, "mean")

    (prediction,) = answer["predictions"]
    assert prediction.pop("duration_ms") >= 0
    assert prediction == {
        "status": "Success",
        "prediction": [15.02],
        "model_name": "mean",
        "model_version": "v1",
    }
    assert set(answer) == {"predictions", "duration_ms"}
    assert type(answer["duration_ms"]) is int


def test_fields_that_are_not_known_are_left_out_and_never_null(server: httpx.Client) -> None:
    good, bad = predict(server, "double", "nobody")["predictions"]

    assert {"model_version", "error_message"}.isdisjoint(good)
    assert {"model_version", "prediction"}.isdisjoint(bad)


def test_a_missing_value_is_null_inside_the_prediction(server: httpx.Client) -> None:
    (prediction,) = predict(server, "gaps")["predictions"]

    assert prediction["prediction"][:4] == [12.0, None, 13.0, None]


def test_numbers_have_single_precision_and_what_is_beyond_it_is_null(server: httpx.Client) -> None:
    (prediction,) = predict(server, "large")["predictions"]

    assert prediction["prediction"] == [0.1, None, None, None, None, 16777216.0]


def test_answers_keep_the_order_and_a_name_twice_is_computed_twice(server: httpx.Client) -> None:
    predictions = predict(server, "count", "nobody", "count")["predictions"]

    assert [each["model_name"] for each in predictions] == ["count", "nobody", "count"]
    first, missing, second = (each.get("prediction") for each in predictions)
    assert (second[0] - first[0], missing) == (1, None)


def test_the_status_is_200_even_if_every_model_fails(server: httpx.Client) -> None:
    predictions = predict(server, "failing", "nobody")["predictions"]

    assert [each["status"] for each in predictions] == ["InternalError", "BadRequest"]
    assert predictions[1]["error_message"] == "Model nobody not found"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("failing", "ValueError: this model always fails"),
        ("leaves", "SystemExit: leaving"),
        ("opens", "FileNotFoundError: No such file or directory"),
        ("table", "Unable to find column 'y' in inference result"),
        ("words", "Unable to cast inference result to Float32Array"),
    ],
)
def test_what_a_model_raises_is_one_line_without_path_or_trace(
    server: httpx.Client, name: str, message: str
) -> None:
    (prediction,) = predict(server, name)["predictions"]

    assert prediction["status"] == "InternalError"
    assert prediction["error_message"] == message


@pytest.mark.parametrize("body", [{}, {"predictions": []}])
def test_no_names_are_an_empty_answer(server: httpx.Client, body: Any) -> None:
    answer = server.post("/v1/predict", json=body)

    assert answer.status_code == 200
    assert answer.json()["predictions"] == []


def test_unknown_fields_such_as_lookback_are_passed_over(server: httpx.Client) -> None:
    body = {"predictions": [{"model_name": "mean", "lookback": 4}]}

    assert server.post("/v1/predict", json=body).json()["predictions"][0]["status"] == "Success"


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("content", "headers", "status", "text"),
    [
        (b"{}", {}, 415, "Content-Type: application/json"),
        (b"{}", {"content-type": "text/plain"}, 415, "Content-Type: application/json"),
        (b'{"predictions": [}', JSON, 400, "line 1 column 18"),
        (b'{"predictions":\n [NaN]}', JSON, 400, "NaN is not JSON"),
        (b"\xff", JSON, 400, "not valid UTF-8"),
        (b"[" * 500 + b"]" * 500, JSON, 400, "nested too deep"),
        (b"[" * 5000 + b"]" * 5000, JSON, 400, "nested too deep"),
        (b'{"predictions": [{}]}', JSON, 422, "predictions[0]: missing field `model_name`"),
        (b'{"predictions": [{"model_name": 1}]}', JSON, 422, "invalid type: integer, expected a string"),
        (b'{"predictions": null}', JSON, 422, "invalid type: null, expected a sequence"),
        (b'{"predictions": ["m"]}', JSON, 422, "invalid type: string"),
        (b"[]", JSON, 422, "invalid type: sequence"),
        (b" " * 10_001, JSON, 413, "length limit exceeded"),
    ],
)
def test_a_bad_request_is_refused_with_its_status_and_a_text(
    server: httpx.Client, content: bytes, headers: dict[str, str], status: int, text: str
) -> None:
    answer = server.post("/v1/predict", content=content, headers=headers)

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/plain")
    assert text in answer.text


def test_a_body_without_a_length_is_bounded_too(server: httpx.Client) -> None:
    answer = server.post("/v1/predict", content=iter([b" " * 6000] * 3), headers=JSON)

    assert answer.status_code == 413


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(server: httpx.Client) -> None:
    head = b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10001\r\n\r\n"
    with socket.create_connection(
        (server.base_url.host, server.base_url.port or 0), timeout=20
    ) as connection:
        connection.sendall(head)

        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_json_with_a_charset_or_a_suffix_is_json(server: httpx.Client) -> None:
    for kind in ("application/json; charset=utf-8", "application/vnd.api+json"):
        assert server.post("/v1/predict", content=b"{}", headers={"content-type": kind}).status_code == 200


def test_another_method_is_refused_without_a_body(server: httpx.Client) -> None:
    answer = server.request("DELETE", "/v1/predict")

    assert (answer.status_code, answer.content, answer.headers["allow"]) == (405, b"", "POST")


@pytest.mark.parametrize(
    ("name", "status", "word"),
    [("mean", 200, "Success"), ("nobody", 400, "BadRequest"), ("failing", 500, "InternalError")],
)
def test_a_single_prediction_has_the_status_of_what_became_of_it(
    server: httpx.Client, name: str, status: int, word: str
) -> None:
    answer = server.get(f"/v1/models/{name}/predict")

    assert answer.status_code == status
    assert (answer.json()["status"], answer.json()["model_name"]) == (word, name)


def test_a_name_with_a_slash_and_a_space_can_be_escaped(server: httpx.Client) -> None:
    answer = server.get("/v1/models/a%2Fb%20c/predict").json()

    assert (answer["model_name"], answer["status"]) == ("a/b c", "Success")


def test_the_same_request_gets_the_same_prediction_again(server: httpx.Client) -> None:
    first, second = (predict(server, "example", "drift")["predictions"] for _ in range(2))

    assert [each["prediction"] for each in first] == [each["prediction"] for each in second]


def test_the_list_has_the_form_of_openai_and_states_only_if_asked_for(server: httpx.Client) -> None:
    plain = server.get("/v1/models").json()
    with_status = server.get("/v1/models", params={"status": "true"}).json()

    assert plain["object"] == "list"
    assert {
        "id": "mean",
        "object": "model",
        "created": 0,
        "owned_by": "batch-cli",
        "datasets": ["samples"],
    } in (plain["data"])
    assert {each["status"] for each in with_status["data"]} == {"Ready"}


def test_the_list_is_also_a_table(server: httpx.Client) -> None:
    answer = server.get("/v1/models", params={"format": "csv", "status": "true"})

    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.startswith(
        "id,object,owned_by,datasets,status\ndouble,model,batch-cli,samples,Ready\n"
    )


def test_an_unknown_form_of_the_list_is_refused(server: httpx.Client) -> None:
    assert server.get("/v1/models", params={"format": "xml"}).status_code == 400
    assert server.get("/v1/models", params={"status": "maybe"}).status_code == 400


def test_the_old_list_is_a_bare_array(old_server: httpx.Client) -> None:
    first = old_server.get("/v1/models").json()[0]

    assert first == {"name": "double", "from": "mine.py:double", "datasets": ["samples"]}
    assert old_server.get("/v1/models?format=csv").text.startswith("name,from,datasets\n")


def test_another_list_can_take_the_entries(models: Models) -> None:
    entries = model_entries(models, with_status=True)

    assert json.loads(json.dumps(entries))[0]["id"] == "double"
    assert {"id", "object", "created", "owned_by"} <= set(entries[0])


def test_ready_says_so_in_the_words_of_its_time(server: httpx.Client, old_server: httpx.Client) -> None:
    assert (server.get("/v1/ready").status_code, server.get("/v1/ready").text) == (200, "ready")
    assert old_server.get("/v1/ready").text == "Ready"
    assert server.get("/v1/ready?verbose=true").text == "[+] components ok\nready"


def test_a_model_that_is_not_loaded_keeps_the_server_from_being_ready(engineless: httpx.Client) -> None:
    answer = engineless.get("/v1/ready")
    states = {each["id"]: each["status"] for each in engineless.get("/v1/models?status=true").json()["data"]}

    assert (answer.status_code, answer.text) == (503, "not ready")
    assert (states["example"], states["mean"]) == ("Error", "Ready")
    assert engineless.get("/v1/models/example/predict").json()["error_message"] == "Model example not found"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("min_ready_executors=1", "require scheduler role"),
        ("min_ready_executors_percent=101", "between 0 and 100"),
        ("min_ready_executors=-1", "invalid digit"),
        ("verbose=perhaps", "verbose"),
    ],
)
def test_ready_refuses_what_asks_for_executors(server: httpx.Client, query: str, text: str) -> None:
    answer = server.get(f"/v1/ready?{query}")

    assert answer.status_code == 400
    assert text in answer.text


def test_ready_takes_a_gate_of_zero(server: httpx.Client) -> None:
    assert server.get("/v1/ready?min_ready_executors=0").status_code == 200
