"""Validation of a batch's input file, by the rules that `batch-cli validate` has for OpenAI's request files.

What is wrong in a body is not found here: the request gets the status 400 and stands in the error file. All codes
that batches are known to fail with are about files and envelopes, and rows with a status from 400 are documented;
which of the two a wrong temperature makes is unverified.
Source: openai-openapi `manual_spec`, `BatchRequestOutput`; stdapi-ai/stdapi.ai#240 (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from batch_cli.errors import Finding, Problem, ProblemLog, Severity
from batch_cli.model import JsonObject
from batch_cli.providers.openai import OPENAI
from batch_cli.request_file import Rules, scan

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


@dataclass(frozen=True, slots=True)
class Validated:
    """What one pass over an input file found."""

    requests: int
    model: str | None
    errors: list[JsonObject]
    """As the wire gives them: ``{"code", "message", "param", "line"}``; empty if the file is valid."""


def validate(path: Path, endpoint: str) -> Validated:
    """Check every line of an input file but its body; all of them have to ask for ``endpoint``.

    Memory: a block of lines, and the ids.

    Raises:
        OSError: it cannot be read.
    """
    problems = ProblemLog(MOST_ERRORS)
    with path.open("rb") as stream:
        found = scan(stream, "input", _rules(endpoint), problems, hashed=False)
    errors = [_error(problem) for problem in problems.kept if problem.severity is Severity.ERROR]
    return Validated(found.requests, next(iter(found.models), None), errors)


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
