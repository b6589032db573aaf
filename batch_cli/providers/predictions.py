"""The dialect of predictions: a name of a model on Spice's wire, an input elsewhere; and rows as answers.

    {"custom_id", "method": "POST", "url": "/v1/predict", "body": {"model_name": "m1"}}                  spice
    {"custom_id", "method": "POST", "url": "/predict", "body": {"inputs": [1, 2], "priority": 0}}        torch
    {"custom_id", "method": "POST", "url": "/predict", "body": {"inputs": [1, 2]}}                       onnx, function

Prediction servers take several rows in one request; that is the engine's concern, and no line's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from batch_cli.dialects.base import Losses, Places, Reading, Unsupported
from batch_cli.errors import Finding, Severity
from batch_cli.jsonl import dumps, dumps_exactly
from batch_cli.line_pattern import Path
from batch_cli.model import BatchRequest, BatchResult, JsonObject, JsonValue, Limits, object_of
from batch_cli.providers.base import Answer, EncodeOptions
from batch_cli.providers.openai import shape_of
from batch_cli.providers.result_lines import read_openai
from batch_cli.providers.rules import check_id, missing, number, text, whole_number

_ENVELOPE = {"custom_id", "method", "url", "body"}
_TORCH_SETTINGS = {"model_name": text, "priority": whole_number(None), "timeout": number(0, 1e9)}
"""What the PyTorch server takes beside the inputs. Source: its ``main.py`` and docs/api (August 2025)."""


@dataclass(frozen=True, slots=True)
class PredictionCodec:
    """OpenAI's envelope around what a model predicts from; an answer is the body that holds the prediction."""

    title: str
    url: str
    row_field: str
    """The member of the body that says what is predicted: ``model_name`` or ``inputs``."""
    has_settings: bool = False
    """The body may hold the settings of the PyTorch server, too."""
    limits: Limits = field(default_factory=Limits)
    id_field: str = "custom_id"
    any_model: bool = False
    one_model: bool = False

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Give the only one."""
        return (self.url,)

    @property
    def free_texts(self) -> frozenset[Path]:
        """Give the name of a model, where that is what is asked for."""
        return frozenset({("body", self.row_field)}) if self.row_field == "model_name" else frozenset()

    def is_own(self, line: JsonObject) -> bool:
        """Recognise the envelope by its url, or by what its body asks for."""
        return "body" in line and (line.get("url") == self.url or self.row_field in object_of(line["body"]))

    def is_readable(self, line: JsonObject) -> bool:
        """Recognise the same."""
        return self.is_own(line)

    def encode_line(self, request: BatchRequest, options: EncodeOptions) -> bytes:
        """Write a row that `prediction_rows` read; what its line says beside the input is laid over the model."""
        if options.response_model is not None:
            raise Unsupported("a prediction has no response model", hint="leave out --response-model")
        if self.row_field not in request.params:
            raise Unsupported(
                f"{self.title} takes rows of {self.row_field}, not messages",
                hint=f'write {{"{self.row_field}": …}}',
            )
        model = {"model_name": options.model} if self.has_settings else {}
        return dumps_exactly(self._line(request.custom_id, {**model, **options.extra, **request.params}))

    def _line(self, custom_id: str, body: JsonObject) -> JsonObject:
        return {"custom_id": custom_id, "method": "POST", "url": self.url, "body": body}

    def read_line(self, line: JsonObject, number: int) -> Reading:
        """Read a request line; other predictors may take it, a chat model has no words for it."""
        request = BatchRequest(line["custom_id"], [], {**line["body"]}, number, endpoint=self.url)
        return Reading(request, Places("body"))

    def write_line(self, request: BatchRequest, losses: Losses, *, max_tokens: int = 1000) -> JsonObject:
        """Write the request of another predictor as one of this.

        Raises:
            Unsupported: it is a request for a chat model.
        """
        del max_tokens
        if self.row_field not in request.params:
            raise Unsupported(f"{self.title} takes rows of {self.row_field}, not messages", path="body")
        known = {self.row_field, *(_TORCH_SETTINGS if self.has_settings else ())}
        losses.add_rest(request.params, known, "", f"{self.title} takes nothing beside {self.row_field}")
        kept = {name: value for name, value in request.params.items() if name in known}
        return self._line(request.custom_id, kept)

    def with_model(self, line: JsonObject, model: str) -> JsonObject:
        """Give the line with another model, where lines name one beside their input."""
        if not self.has_settings:
            return line
        return {**line, "body": {**object_of(line.get("body")), "model_name": model}}

    def check_id(self, custom_id: str) -> Iterator[Finding]:
        """Check length and characters."""
        return check_id({self.id_field: custom_id}, self.id_field, self.limits.id_length)

    def check(self, request: JsonObject) -> Iterator[Finding]:
        """Check envelope and body; a line of another kind gives one finding that names the kind."""
        if not self.is_own(request):
            shape = shape_of(request)
            found = "another format" if shape is None else shape
            yield Finding("E312", f"this is {found}, expected {self.title} format", hint=self._hint)
            return
        yield from check_id(request, self.id_field, self.limits.id_length)
        for name, wanted in (("method", "POST"), ("url", self.url)):
            if name not in request:
                yield missing(name, f'"{wanted}"')
            elif request[name] != wanted:
                yield Finding("E304", f'{name} must be "{wanted}"', name, f'write "{wanted}"')
        yield from self._check_body(request["body"])
        for name in request.keys() - _ENVELOPE:
            yield Finding("W301", f'unknown field "{name}"', name, severity=Severity.WARNING)

    def _check_body(self, body: JsonValue) -> Iterator[Finding]:
        if not isinstance(body, dict):
            yield Finding("E302", "body must be an object", "body", self._hint)
            return
        if self.row_field not in body:
            yield missing(f"body.{self.row_field}", "what is to be predicted")
        rules = _TORCH_SETTINGS if self.has_settings else {}
        rules = {"model_name": text, **rules} if self.row_field == "model_name" else rules
        for name, value in body.items():
            if (rule := rules.get(name)) is not None:
                found = rule(value, f"body.{name}")
                if found is not None:
                    yield found
            elif name != self.row_field:
                message = f'unknown field "body.{name}"'
                yield Finding("W301", message, f"body.{name}", severity=Severity.WARNING)

    @property
    def _hint(self) -> str:
        example = "m1" if self.row_field == "model_name" else [1, 2]
        return f"write {dumps(self._line('r1', {self.row_field: example})).decode()}"

    def model_of(self, request: JsonObject) -> str | None:
        """Give the model beside the input; None where the row itself is a name, or there is but one model."""
        model = object_of(request.get("body")).get("model_name") if self.has_settings else None
        return model if isinstance(model, str) else None

    def schema_of(self, request: JsonObject) -> JsonObject | None:
        """Give none: numbers follow no schema."""
        del request
        return None

    def read_result(self, line: JsonObject) -> BatchResult:
        """Read a result line, which is in OpenAI's shape as all of the engine's are."""
        return read_openai(line)

    def answer(self, body: JsonValue) -> Answer | None:
        """Give the prediction as JSON text."""
        found = object_of(body).get("prediction")
        return None if found is None else Answer(dumps(found).decode())


SPICE = PredictionCodec("Spice", "/v1/predict", "model_name", any_model=True)
TORCH = PredictionCodec("the PyTorch server", "/predict", "inputs", has_settings=True)
ONNX = PredictionCodec("an ONNX model", "/predict", "inputs", any_model=True)
FUNCTION = PredictionCodec("a function", "/predict", "inputs", any_model=True)
