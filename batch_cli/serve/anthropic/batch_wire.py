"""Anthropic's batches: no batch fails as a whole, every request has its line in the one result file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from batch_cli.engine.handlers.simulate.anthropic import REFUSED
from batch_cli.jsonl import dumps, loads
from batch_cli.model import JsonObject, object_of
from batch_cli.serve.anthropic.faults import fault_of
from batch_cli.serve.batch_wire import Validated
from batch_cli.serve.records import BatchRecord

_NEVER_RUN = {"expired": "expired", "cancelled": "canceled"}


class AnthropicBatches:
    """Implements `BatchWire`: the envelopes were checked when the batch was created."""

    has_error_file = False

    def validate(self, source: Path, batch: BatchRecord) -> Validated:
        """Find nothing wrong: a request with wrong parameters becomes a line of the results."""
        source.stat()  # a file that is gone is told here, before anything is queued
        return Validated(int(object_of(batch.details)["requests"]), None, [])

    def engine_lines(self, source: BinaryIO, batch: BatchRecord) -> Iterator[bytes]:
        """Give the stored lines; one with wrong parameters asks for its refusal instead."""
        version: str = object_of(batch.details)["version"]
        for raw in source:
            line = raw.removesuffix(b"\n")
            request = loads(line)
            fault = fault_of(request["body"], version, in_batch=True)
            if fault is None:
                yield line
            else:
                yield dumps({**request, "url": REFUSED, "body": {"message": fault}})

    def good(self, line: bytes, row: JsonObject) -> bytes:
        """Write a message that was answered."""
        del line
        message = row["response"]["body"]
        message["usage"]["service_tier"] = "batch"
        return _row(row["custom_id"], {"type": "succeeded", "message": message})

    def failed(self, row: JsonObject) -> bytes:
        """Write a request that was answered with an error, which stands in an error of its own."""
        body = object_of(object_of(row["response"]).get("body"))
        said = object_of(body.get("error"))
        if body.get("type") != "error":  # the engine's own words
            said = {"type": "api_error", "message": object_of(row["error"]).get("message")}
        inner = {"details": {"error_visibility": "user_facing"}, **said}
        error = {"type": "error", "error": inner, "request_id": None}
        return _row(row["custom_id"], {"type": "errored", "error": error})

    def never_run(self, batch: BatchRecord, status: str, position: int, custom_id: str) -> bytes:
        """Write a request that never began."""
        del batch, position
        return _row(custom_id, {"type": _NEVER_RUN[status]})

    def usage_of(self, body: JsonObject) -> JsonObject:
        """Give the usage."""
        return object_of(body.get("usage"))


def _row(custom_id: str, result: JsonObject) -> bytes:
    return dumps({"custom_id": custom_id, "result": result})
