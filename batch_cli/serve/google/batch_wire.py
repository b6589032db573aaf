"""Gemini's batches: request files checked by the rules that `batch-cli validate` has for them, and one result file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from batch_cli.dialects.google_api import CODES, camel
from batch_cli.errors import Finding, ProblemLog, Severity
from batch_cli.jsonl import dumps, is_blank, loads
from batch_cli.model import JsonObject, object_of
from batch_cli.providers.google import GOOGLE
from batch_cli.request_file import Rules, scan
from batch_cli.serve.batch_wire import Validated
from batch_cli.serve.records import BatchRecord

MOST_ERRORS = 100
"""More than this are counted, not listed."""
_NEVER_RUN = {
    "expired": ("DEADLINE_EXCEEDED", "The batch expired before this request was executed."),
    "cancelled": ("CANCELLED", "The batch was cancelled before this request was executed."),
}


class GoogleBatches:
    """Implements `BatchWire`: the model and the method are the batch's, its lines are ``{"key", "request"}``."""

    has_error_file = False

    def validate(self, source: Path, batch: BatchRecord) -> Validated:
        """Check every line of an input file."""
        problems = ProblemLog(MOST_ERRORS)
        with source.open("rb") as stream:
            found = scan(stream, "input", _rules(batch.endpoint), problems, hashed=False)
        errors: list[JsonObject] = [
            {"message": problem.message, "line": problem.line}
            for problem in problems.kept
            if problem.severity is Severity.ERROR
        ]
        return Validated(found.requests, (batch.details or {})["model"], errors)

    def engine_lines(self, source: BinaryIO, batch: BatchRecord) -> Iterator[bytes]:
        """Give the requests as calls of the batch's method."""
        for raw in source:
            if not is_blank(raw):
                line = loads(raw)
                yield dumps({"custom_id": line["key"], "url": batch.endpoint, "body": line["request"]})

    def good(self, line: bytes, row: JsonObject) -> bytes:
        """Write an answer under its key."""
        del line
        return dumps({"key": row["custom_id"], "response": row["response"]["body"]})

    def failed(self, row: JsonObject) -> bytes:
        """Write an error under its key, with the code that ``google.rpc`` has for it."""
        answered = object_of(object_of(object_of(row["response"]).get("body")).get("error"))
        told = answered or object_of(row["error"])
        code = CODES.get(str(answered.get("status")), CODES["INTERNAL"])
        return _error(row["custom_id"], code, str(told.get("message")))

    def never_run(self, batch: BatchRecord, status: str, position: int, custom_id: str) -> bytes:
        """Write a request without an answer."""
        del batch, position
        word, message = _NEVER_RUN[status]
        return _error(custom_id, CODES[word], message)

    def usage_of(self, body: JsonObject) -> JsonObject:
        """Give the usage; an embedding only counts what it was asked."""
        usage = object_of(body.get("usageMetadata"))
        return {
            "input_tokens": usage.get("promptTokenCount", body.get("tokenCount")),
            "output_tokens": usage.get("candidatesTokenCount"),
        }


def _error(key: str, code: int, message: str) -> bytes:
    return dumps({"key": key, "error": {"code": code, "message": message}})


def findings(line: JsonObject, method: str) -> Iterator[Finding]:
    """Hold a line to the rules, and to what ``method`` needs."""
    found = list(GOOGLE.check(line))
    yield from found
    needed = "contents" if method == "generateContent" else "content"
    if not found and needed not in camel(line["request"]):
        yield Finding(
            "E301", f"missing request.{needed}", "request", f"add request.{needed}: {method} needs it"
        )


def _rules(endpoint: str) -> Rules:
    method = endpoint.rpartition(":")[2]
    return Rules(
        GOOGLE.title,
        lambda line: findings(line, method),
        GOOGLE.id_field,
        GOOGLE.limits,
        GOOGLE.model_of,
        GOOGLE.schema_of,
        GOOGLE.check_id,
        GOOGLE.free_texts,
        GOOGLE.one_model,
    )
