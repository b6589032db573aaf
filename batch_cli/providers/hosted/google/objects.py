"""Operations of the Gemini API read as batches: counts are texts, zeros are left out, states have a prefix.

Source: generativelanguage v1beta discovery; operations that others captured from the live API, 2025-12-10.
"""

from __future__ import annotations

from batch_cli.model import CHAT, EMBEDDINGS, Batch, BatchStatus, JsonObject, RequestCounts, object_of
from batch_cli.providers.hosted.objects import read_count, read_moment, read_status, text_of

_ANSWERS = ("inlinedResponses", "inlinedEmbedContentResponses")
"""The live API calls those of embeddings like all others (googleapis/go-genai#712), google-genai 3.4.0 the second
(both read 2026-11-21)."""
_STATES = {
    "unspecified": BatchStatus.QUEUED,
    "partially_succeeded": BatchStatus.COMPLETED,
}


def read_google_batch(value: JsonObject) -> Batch:
    """Read an operation; the answers that it may hold are left out of ``raw``."""
    facts = object_of(value.get("metadata"))
    status, word = _status(value, facts)
    stats = object_of(facts.get("batchStats"))
    total = read_count(stats.get("requestCount"))
    completed = read_count(stats.get("successfulRequestCount", 0)) if stats else None
    failed = read_count(stats.get("failedRequestCount", 0)) if stats else None
    left = max((total or 0) - (completed or 0) - (failed or 0), 0) if stats else None
    error = object_of(value.get("error"))
    name = text_of(facts, "displayName")
    kind = str(facts.get("@type", ""))
    return Batch(
        id=text_of(value, "name") or text_of(facts, "name") or "",
        provider="google",
        status=status,
        raw_status=word,
        model=(text_of(facts, "model") or "").removeprefix("models/") or None,
        endpoint=EMBEDDINGS if "EmbedContent" in kind else CHAT,
        created_at=read_moment(facts.get("createTime")),
        completed_at=read_moment(facts.get("endTime")) if status.is_terminal else None,
        counts=RequestCounts(
            total=total,
            completed=completed,
            failed=failed,
            cancelled=left if status is BatchStatus.CANCELLED else None,
            expired=left if status is BatchStatus.EXPIRED else None,
        ),
        metadata={} if name is None else {"displayName": name},
        error=str(error.get("message") or error.get("code")) if error else None,
        raw=_without_answers(value),
    )


def _status(value: JsonObject, facts: JsonObject) -> tuple[BatchStatus, str]:
    """Give our word and theirs; where no state is told, the end of the operation tells it."""
    word = str(facts.get("state") or value.get("state") or "")[:64]
    if not word and value.get("done") is True:
        return (
            (BatchStatus.FAILED, "done with an error")
            if value.get("error")
            else (BatchStatus.COMPLETED, "done")
        )
    plain = word.removeprefix("BATCH_STATE_").removeprefix("JOB_STATE_").lower()
    return _STATES.get(plain) or read_status(plain or "pending"), word or "PENDING"


def _without_answers(value: JsonObject) -> JsonObject:
    facts, made = object_of(value.get("metadata")), dict(value)
    if isinstance(value.get("response"), dict):
        made["response"] = _without(value["response"])
    if isinstance(facts.get("output"), dict):
        made["metadata"] = {**facts, "output": _without(facts["output"])}
    return made


def _without(output: JsonObject) -> JsonObject:
    return {name: each for name, each in output.items() if name not in _ANSWERS}


def _outputs(value: JsonObject) -> tuple[JsonObject, JsonObject]:
    """Give the two places where the output of a batch is told."""
    return object_of(object_of(value.get("metadata")).get("output")), object_of(value.get("response"))


def result_file_of(value: JsonObject) -> str | None:
    """Give the name of the file that holds the results, if there is one."""
    for output in _outputs(value):
        if (name := text_of(output, "responsesFile")) is not None:
            return name
    return None


def answers_of(value: JsonObject) -> list[JsonObject] | None:
    """Give the answers that an operation itself holds; None: it holds none."""
    for output in _outputs(value):
        for name in _ANSWERS:
            items = object_of(output.get(name)).get("inlinedResponses")
            if isinstance(items, list):
                return [object_of(item) for item in items]
    return None


def input_file_of(value: JsonObject) -> str | None:
    """Give the name of the file that a batch was made of, if it was."""
    return text_of(object_of(object_of(value.get("metadata")).get("inputConfig")), "fileName")
