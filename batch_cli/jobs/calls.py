"""The calls behind failed rows: which address was asked, how, and what came, by the names of gen_ai's errors.

Source of the names: gen_ai of shivamojha2/DevToolkit (2025-05-29): url, method, status_code, error_type, message, suggestion.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from batch_cli.jobs.workspace import Workspace
from batch_cli.jsonl import dumps_exactly, loads_exactly
from batch_cli.model import MESSAGES, Batch, JsonObject, ResultError
from batch_cli.results import OutputRow
from batch_cli.state import Intent

_METHOD = "POST"
_OURS = "backend_"
"""How the codes of errors begin for which no status came, and ours was given to the row."""
_BAD_ANSWER = "bad_answer"
_KINDS = {
    "backend_bad_answer": _BAD_ANSWER,
    "backend_redirect": _BAD_ANSWER,
    "backend_error": _BAD_ANSWER,
    "backend_connection_lost": "connection",
    "backend_unreachable": "connection",
}
"""Kinds that only one who asks live can tell apart."""
_ADVICE = "check the endpoint: what answers there does not speak this provider's API"


def called_url(workspace: Workspace, batch: Batch) -> str:
    """Give where the requests of a batch were sent: a whole address where they went live, else the endpoint's path.

    With several servers it is that of the first, because rows do not keep who answered.
    """
    part = batch.parts[0] if batch.parts else batch
    intent = workspace.journal.by_batch(part.id)
    if intent is None:
        return ""
    servers = intent.settings.get("base_urls") or [""]
    path = _path(intent)
    base, equals, weight = str(servers[0]).rpartition("=")
    server = base if equals and weight.isdecimal() else str(servers[0])
    return server + path.removeprefix("/v1") if server else path


def _path(intent: Intent) -> str:
    match intent.provider:
        case "anthropic":
            return MESSAGES
        case "google":
            return f"/models/{quote(intent.model.removeprefix('models/'), safe='')}:generateContent"
        case _:
            return intent.endpoint


def with_call(row: OutputRow, url: str) -> OutputRow:
    """Give a failed row whose error says url, method, status_code and error_type, too; a good one as it is.

    ``status_code`` is null where no answer came, or none that can be read.
    """
    if row.error is None:
        return row
    line = loads_exactly(row.line)
    call: JsonObject = {
        "url": url,
        "method": _METHOD,
        "status_code": _status(row, row.error),
        "error_type": _KINDS.get(row.error.code or "", row.error.kind),
    }
    if call["error_type"] == _BAD_ANSWER:
        call["suggestion"] = _ADVICE
    return replace(row, line=dumps_exactly({**line, "error": {**line["error"], **call}}))


def _status(row: OutputRow, error: ResultError) -> int | None:
    status = (row.known or {}).get("status_code")
    return status if isinstance(status, int) and not (error.code or "").startswith(_OURS) else None
