"""What a model server's answer means: a reply with the answer, or an error in OpenAI's shape that says what came.

Errors come as ``{"error": {…}}`` with numbers as codes, as ``{"error": "…"}``, as ``{"detail": …}`` with a text or a
list of faults, with the message at the top, as plain text, and as HTML of a proxy in between.
Source: vLLM, transformers serve and llama-cpp, run on loopback (2026-11-21).
"""

from __future__ import annotations

from batch_cli.engine.handlers.live.transport import Answer
from batch_cli.engine.reply import Reply
from batch_cli.json_faults import MAX_DEPTH, explain
from batch_cli.jsonl import loads
from batch_cli.model import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    MESSAGES,
    MODERATIONS,
    RESPONSES,
    JsonObject,
    JsonValue,
    object_of,
)

BAD_ANSWER = 502
GENERATE, EMBED = ":generateContent", ":embedContent"
"""How the paths of Gemini's requests end, behind the model."""
_REFUSED = 400
_LISTS = {
    CHAT: "choices",
    COMPLETIONS: "choices",
    EMBEDDINGS: "data",
    RESPONSES: "output",
    MODERATIONS: "results",
    MESSAGES: "content",
}
"""What the answer of an endpoint holds at least."""
_SHOWN = 200
_LONGEST_MESSAGE = 2_000
_DETAILS = frozenset(
    {
        "prompt_tokens_details",
        "completion_tokens_details",
        "input_tokens_details",
        "output_tokens_details",
    }
)
_COUNTS = frozenset({"prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens"})


def read_answer(url: str, answer: Answer) -> Reply:
    """Give what a whole answer to a request of ``url`` says; nothing is raised."""
    if answer.status >= 400:  # noqa: PLR2004 - HTTP
        return _read_error(answer)
    if answer.status >= 300:  # noqa: PLR2004 - HTTP
        target = answer.headers.get("location", "nowhere")[:_SHOWN]
        return error_reply(BAD_ANSWER, "backend_redirect", f"the model server redirects to {target}")
    value = _parsed(answer.body)
    if not isinstance(value, dict):
        return _odd(answer)
    if value.get("error") and not value.keys() & {*_LISTS.values(), "object"}:
        said = _said(value)
        return error_reply(BAD_ANSWER, "backend_error", f"an error came with status {answer.status}: {said}")
    wanted = _LISTS.get(url)
    if wanted is not None and not isinstance(value.get(wanted), list):
        keys = ", ".join(sorted(value)[:8])[:_SHOWN] or "nothing"
        message = f"the model server's answer is none of {url}: it has no {wanted}, but {keys}"
        return error_reply(BAD_ANSWER, "backend_bad_answer", message)
    if url.endswith(GENERATE):
        return _read_candidates(answer.status, value)
    return Reply(answer.status, _countable(value))


def _read_candidates(status: int, value: JsonObject) -> Reply:
    """Read Gemini's answer: candidates, or the reason why the prompt was blocked, which fails its row."""
    if isinstance(value.get("candidates"), list):
        return Reply(status, value)
    reason = object_of(value.get("promptFeedback")).get("blockReason")
    if reason:
        error = {"message": f"the prompt was blocked: {reason}", "type": "blocked", "code": str(reason)}
        return Reply(_REFUSED, {**value, "error": error})
    keys = ", ".join(sorted(value)[:8])[:_SHOWN] or "nothing"
    message = f"the answer has no candidates, but {keys}"
    return error_reply(BAD_ANSWER, "backend_bad_answer", message)


def error_reply(status: int, code: str, message: str) -> Reply:
    """Give an error of ours in OpenAI's shape."""
    return Reply(
        status,
        {"error": {"message": message, "type": "backend_error", "param": None, "code": code}},
    )


def _parsed(body: bytes) -> JsonValue:
    """Give what JSON says, strictly; None where it is none, or nested deeper than a row of ours may be."""
    try:
        value = loads(body)
    except ValueError:
        return None
    # A value that deep has as many brackets; only then is it looked at again.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _is_deep(value):
        return None
    return value


def _is_deep(value: JsonValue) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def _odd(answer: Answer) -> Reply:
    """Say what came in place of a JSON object."""
    return error_reply(
        BAD_ANSWER, "backend_bad_answer", f"the model server answered with {_described(answer)}"
    )


def _described(answer: Answer) -> str:
    kind = answer.headers.get("content-type", "no content type").partition(";")[0].strip()[:64]
    if not answer.body.strip():
        return f"status {answer.status} and an empty body"
    start = " ".join(answer.body[: 4 * _SHOWN].decode("utf-8", "replace").split())[:_SHOWN]
    fault = explain(answer.body) if kind == "application/json" and len(answer.body) <= 1 << 20 else None
    why = "" if fault is None else f", not valid: {fault.message}"
    return f"status {answer.status}, {kind}{why}, that starts with: {start}"


def _read_error(answer: Answer) -> Reply:
    """Give an error of the server in OpenAI's shape, whatever its own shape was."""
    value = _parsed(answer.body)
    found = value.get("error", value) if isinstance(value, dict) else None
    if isinstance(found, dict) and isinstance(found.get("error"), (dict, str)):
        found = found["error"]
    fields = found if isinstance(found, dict) else {}
    said = _said(value)
    message = said or f"the model server answered with {_described(answer)}"
    code = fields.get("code")
    error: JsonObject = {
        "message": message,
        "type": _word(fields.get("type")) or _word(fields.get("status")) or "backend_error",
        "param": _word(fields.get("param")),
        "code": _word(code) or (str(code) if isinstance(code, int) else None),
    }
    return Reply(answer.status, {"error": error})


def _word(value: JsonValue) -> str | None:
    return value[:_SHOWN] if isinstance(value, str) and value else None


def _said(value: JsonValue) -> str | None:
    """Find the words in an error of any shape."""
    if not isinstance(value, dict):
        return None
    for _ in range(3):
        if not isinstance(value, dict):
            break
        value = value.get("error") or value.get("message") or value.get("detail") or value.get("msg")
    if isinstance(value, list):
        value = "; ".join(filter(None, map(_fault_in_list, value[:10])))
    return value[:_LONGEST_MESSAGE] if isinstance(value, str) and value.strip() else None


def _fault_in_list(value: JsonValue) -> str | None:
    """Read one of FastAPI's faults: ``{"loc": ["body", "messages"], "msg": "Field required"}``."""
    if not isinstance(value, dict):
        return str(value)[:_SHOWN]
    place = value.get("loc")
    where = ".".join(map(str, place)) + ": " if isinstance(place, list) and place else ""
    return f"{where}{value.get('msg') or 'wrong'}"


def _countable(value: JsonObject) -> JsonObject:
    """Give an answer without a usage that cannot be added up: the row is good, its count is unknown."""
    usage = value.get("usage")
    if usage is None:
        return value
    return value if isinstance(usage, dict) and _can_be_added_up(usage) else {**value, "usage": None}


def _can_be_added_up(usage: JsonObject) -> bool:
    """Look at each count there is; written out, because every answer passes here."""
    for name, value in usage.items():
        if name in _COUNTS:
            if not _is_count(value):
                return False
        elif name in _DETAILS and value is not None and not _are_counts(value):
            return False
    return True


def _are_counts(value: JsonValue) -> bool:
    return isinstance(value, dict) and all(map(_is_count, value.values()))


def _is_count(value: JsonValue) -> bool:
    return value is None or (isinstance(value, int) and value >= 0)
