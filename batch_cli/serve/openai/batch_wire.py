"""OpenAI's batches: request files checked by the rules that `batch-cli validate` has for them, and two result files.

What is wrong in a body is not found here: the request gets the status 400 and stands in the error file. All codes
that batches are known to fail with are about files and envelopes, and rows with a status from 400 are documented;
which of the two a wrong temperature makes is unverified.
Source: openai-openapi `manual_spec`, `BatchRequestOutput`; stdapi-ai/stdapi.ai#240 (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from batch_cli.errors import Finding, Problem, ProblemLog, Severity
from batch_cli.jsonl import dumps, is_blank
from batch_cli.model import JsonObject, object_of
from batch_cli.providers.openai import OPENAI
from batch_cli.request_file import Rules, scan
from batch_cli.serve.batch_wire import Validated
from batch_cli.serve.records import BatchRecord

MOST_ERRORS = 100
"""More than this are counted, not listed."""
_CODES = {
    "E107": "empty_file",
    "E307": "duplicate_custom_id",
    "E308": "model_mismatch",
    "E309": "url_mismatch",
    "E313": "url_mismatch",
    "E301": "missing_required_parameter",
    "E401": "too_many_tasks",
    "E402": "file_too_large",
    "E404": "invalid_custom_id",
    "E306": "invalid_custom_id",
}
"""The words that OpenAI's batches have failed with, where others have reported them; else `_code_of` decides.

Source: stdapi-ai/stdapi.ai#240, openai/openai-python#1643 and #2084 (read 2026-11-21).
"""


_NEVER_RUN = {
    "expired": ("batch_expired", "This request could not be executed before the completion window expired."),
    "cancelled": ("batch_cancelled", "This request was not executed because the batch was cancelled."),
}


class OpenAIBatches:
    """Implements `BatchWire`: input files and engine speak the same words, so that a line goes through as it is."""

    has_error_file = True

    def validate(self, source: Path, batch: BatchRecord) -> Validated:
        """Check every line of an input file but its body; all of them have to ask for the batch's endpoint."""
        problems = ProblemLog(MOST_ERRORS)
        with source.open("rb") as stream:
            found = scan(stream, "input", _rules(batch.endpoint), problems, hashed=False)
        errors = [_error(problem) for problem in problems.kept if problem.severity is Severity.ERROR]
        return Validated(found.requests, next(iter(found.models), None), errors)

    def engine_lines(self, source: BinaryIO, batch: BatchRecord) -> Iterator[bytes]:
        """Give the lines that are not blank."""
        del batch
        return (raw.removesuffix(b"\n") for raw in source if not is_blank(raw))

    def good(self, line: bytes, row: JsonObject) -> bytes:
        """Give the line of the engine."""
        del row
        return line

    def failed(self, row: JsonObject) -> bytes:
        """Write a failed request: an answer with an error status has no error beside it."""
        if row["response"] is not None:
            return dumps({**row, "error": None})
        error = row["error"]
        return dumps({**row, "error": {"code": error["code"], "message": error["message"]}})

    def never_run(self, batch: BatchRecord, status: str, position: int, custom_id: str) -> bytes:
        """Write a request without an answer."""
        code, message = _NEVER_RUN[status]
        return dumps(
            {
                "id": f"batch_req_{batch.id.removeprefix('batch_')}_{position}",
                "custom_id": custom_id,
                "response": None,
                "error": {"code": code, "message": message},
            }
        )

    def usage_of(self, body: JsonObject) -> JsonObject:
        """Give the usage, in the words of any endpoint."""
        return object_of(body.get("usage"))


def _rules(endpoint: str) -> Rules:
    def check(request: JsonObject) -> Iterator[Finding]:
        yield from (found for found in OPENAI.check(request) if not found.path.startswith("body."))
        url = request.get("url")
        if isinstance(url, str) and url != endpoint:
            message = f'the url "{url[:64]}" does not match the endpoint of the batch, "{endpoint}"'
            yield Finding("E309", message, "url")

    return Rules(
        OPENAI.title,
        check,
        OPENAI.id_field,
        OPENAI.limits,
        OPENAI.model_of,
        OPENAI.schema_of,
        OPENAI.check_id,
        OPENAI.free_texts,
        OPENAI.one_model,
    )


def _error(problem: Problem) -> JsonObject:
    return {
        "code": _code_of(problem.code),
        "message": problem.message,
        "param": problem.path,
        "line": problem.line,
    }


def _code_of(reference: str) -> str:
    if reference in _CODES:
        return _CODES[reference]
    return "invalid_json_line" if reference.startswith(("E1", "E2")) else "invalid_request"
