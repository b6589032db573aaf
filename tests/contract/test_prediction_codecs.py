"""The dialects of predictions: one envelope, a name or an input in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from batch_cli.dialects.base import Losses, Unsupported
from batch_cli.errors import Severity
from batch_cli.line_formats import read_schema
from batch_cli.model import BatchRequest
from batch_cli.providers import PREDICTORS, load_codec
from batch_cli.providers.base import EncodeOptions
from batch_cli.response_model import from_schema
from tests.support import SCHEMA, chat


def line(provider: str, **body: Any) -> Any:
    codec = load_codec(provider)
    asked = {"model_name": "m"} if provider == "spice" else {"inputs": [1, 2]}
    return {"custom_id": "a", "method": "POST", "url": codec.endpoints[0], "body": {**asked, **body}}


def found(provider: str, value: Any) -> list[str]:
    return [each.code for each in load_codec(provider).check(value) if each.severity is Severity.ERROR]


def fits(value: Any) -> bool:
    return Draft202012Validator(json.loads(read_schema("prediction-request"))).is_valid(value)


@pytest.mark.parametrize("provider", PREDICTORS)
class TestEveryPredictor:
    def test_a_row_is_written_as_a_line_that_it_accepts(self, provider: str) -> None:
        codec = load_codec(provider)
        row = BatchRequest(
            "a", [], {"inputs": [1]} if codec.row_field == "inputs" else {"model_name": "m"}, 1
        )

        written = json.loads(codec.encode_line(row, EncodeOptions("model")))

        assert list(codec.check(written)) == []
        assert codec.is_own(written)
        assert fits(written)
        assert written["custom_id"] == "a"

    def test_messages_and_schemas_are_no_predictions(self, provider: str) -> None:
        codec = load_codec(provider)
        with pytest.raises(Unsupported, match="not messages"):
            codec.encode_line(
                BatchRequest("a", [{"role": "user", "content": "Hi"}], {}, 1), EncodeOptions("m")
            )
        with pytest.raises(Unsupported, match="no response model"):
            model = from_schema(SCHEMA, "User")
            codec.encode_line(BatchRequest("a", [], {}, 1), EncodeOptions("m", response_model=model))

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"method": "GET"}, "E304"),
            ({"url": "/v1/nope"}, "E304"),
            ({"body": []}, "E302"),
            ({"body": {}}, "E301"),
            ({"custom_id": 7}, "E302"),
            ({"custom_id": ""}, "E303"),
            ({"custom_id": "a\x1b"}, "E306"),
        ],
    )
    def test_a_faulty_line_is_refused_by_check_and_schema(
        self, provider: str, change: Any, code: str
    ) -> None:
        value = {**line(provider), **change}

        assert found(provider, value) == [code]
        assert not fits(value)

    @pytest.mark.parametrize("name", ["custom_id", "method", "url"])
    def test_every_part_of_the_envelope_is_needed(self, provider: str, name: str) -> None:
        value = {key: part for key, part in line(provider).items() if key != name}

        assert found(provider, value) == ["E301"]
        assert not fits(value)

    def test_a_chat_is_named(self, provider: str) -> None:
        assert found(provider, chat("a", "Hi")) == ["E312"]

    def test_a_result_of_the_engine_is_read_and_its_answer_is_the_prediction(self, provider: str) -> None:
        codec = load_codec(provider)
        body = {"model_name": "m", "status": "Success", "prediction": [1.5, None]}

        row = codec.read_result({"custom_id": "a", "response": {"status_code": 200, "body": body}})

        assert row.error is None
        answer = codec.answer(body)
        assert answer is not None
        assert answer.text == "[1.5,null]"
        assert codec.answer({"error": {}}) is None


@pytest.mark.parametrize(
    ("provider", "body", "code"),
    [
        ("spice", {"model_name": ""}, "E303"),
        ("spice", {"model_name": 7}, "E302"),
        ("torch", {"priority": "high"}, "E302"),
        ("torch", {"timeout": -1}, "E311"),
        ("torch", {"model_name": 7}, "E302"),
    ],
)
def test_the_body_is_checked(provider: str, body: Any, code: str) -> None:
    assert found(provider, line(provider, **body)) == [code]
    assert not fits(line(provider, **body))


def test_rows_move_between_predictors_and_what_is_lost_is_told() -> None:
    torch, onnx, spice = (load_codec(name) for name in ("torch", "onnx", "spice"))
    request = torch.read_line(line("torch", priority=1), 1).request
    losses = Losses()

    assert onnx.write_line(request, losses) == line("onnx")
    assert [lost.path for lost in losses.found] == ["priority"]
    with pytest.raises(Unsupported, match="rows of model_name"):
        spice.write_line(request, Losses())


def test_only_a_torch_line_names_a_model_beside_its_input() -> None:
    assert load_codec("torch").model_of(load_codec("torch").with_model(line("torch"), "m2")) == "m2"
    assert load_codec("spice").with_model(line("spice"), "m2") == line("spice")
