"""Requests to the PyTorch server: what FastAPI accepts of them, and its list of what is wrong.

pydantic makes both, as it does in FastAPI. It takes 80 ms to import: import this module with the first request.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from batch_cli.model import JsonObject, JsonValue
from batch_cli.serve.prediction.body import NotJson, is_json_type, parse
from batch_cli.serve.prediction.http_error import HttpError

EXAMPLE = "example"
"""The model of a request that names none. Only later versions of the server have ``model_name``."""


class SingleRequest(BaseModel):
    """The body of ``/predict``."""

    model_config = ConfigDict(protected_namespaces=())  # the wire has a field model_name

    inputs: Any
    priority: int = 0
    """Checked only: no request waits for another."""
    timeout: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """Seconds; 0 means the same as none."""
    model_name: str = EXAMPLE


class BatchRequest(SingleRequest):
    """The body of ``/predict/batch``."""

    inputs: list[Any]


Body = TypeVar("Body")

_SINGLE: TypeAdapter[SingleRequest] = TypeAdapter(SingleRequest)
_BATCH: TypeAdapter[BatchRequest] = TypeAdapter(BatchRequest)
_OBJECT: TypeAdapter[JsonObject] = TypeAdapter(JsonObject)


def read_single(raw: bytes, content_type: str | None) -> SingleRequest:
    """Read the body of ``/predict``.

    Raises:
        HttpError: 422, it is not JSON, or a field is missing or of the wrong type.
    """
    return _read(_SINGLE, raw, content_type)


def read_batch(raw: bytes, content_type: str | None) -> BatchRequest:
    """Read the body of ``/predict/batch``.

    Raises:
        HttpError: 422, as for a single one; and ``inputs`` has to be a list.
    """
    return _read(_BATCH, raw, content_type)


def read_object(raw: bytes, content_type: str | None) -> JsonObject:
    """Read the body of ``/examples/simple``.

    Raises:
        HttpError: 422, it is not a JSON object.
    """
    return _read(_OBJECT, raw, content_type)


def _read(adapter: TypeAdapter[Body], raw: bytes, content_type: str | None) -> Body:
    if not raw:
        raise HttpError(422, [{"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}])
    try:
        return adapter.validate_python(_decoded(raw, content_type), from_attributes=True)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        raise HttpError(422, [{**each, "loc": ["body", *each["loc"]]} for each in found]) from error


def _decoded(raw: bytes, content_type: str | None) -> JsonValue:
    """Give the JSON value, or the body as a text where its type says that it is something else."""
    if content_type is not None and not is_json_type(content_type):
        return raw.decode("utf-8", "replace")
    try:
        return parse(raw)
    except NotJson as fault:
        place = f"{fault.message} (line {fault.line}, column {fault.column})"
        detail = {"type": "json_invalid", "loc": ["body", fault.column - 1], "msg": "JSON decode error"}
        raise HttpError(422, [{**detail, "input": {}, "ctx": {"error": place}}]) from fault
