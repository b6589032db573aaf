"""What is done with the answers of a batch: typed if a model is known, and what is said where one is missing."""

from __future__ import annotations

from functools import partial

from batch_cli.answers import parse_answer
from batch_cli.jobs.workspace import Workspace
from batch_cli.model import Batch, BatchStatus
from batch_cli.providers.base import Provider
from batch_cli.response_model import ResponseModel, from_schema
from batch_cli.results import NO_RESULT, Parse


def why_missing(batch: Batch) -> str:
    """Say why a request of an ended batch has no result."""
    if batch.status is BatchStatus.COMPLETED:
        return NO_RESULT
    reason = f": {batch.error}" if batch.error else ""
    return f"the batch ended before this request was answered ({batch.status}){reason}"


def parser_of(
    workspace: Workspace, provider: Provider, batch: Batch, model: ResponseModel | None
) -> Parse | None:
    """Give what makes typed answers, by ``model`` or by what the requests asked for; None where neither is known."""
    model = model or remembered_model(workspace, batch)
    if model is None:
        return None

    def take(body: object) -> tuple[str, str | None, str | None] | None:
        answer = provider.answer(body)
        return None if answer is None else (answer.text, answer.finish_reason, answer.refusal)

    return partial(parse_answer, take=take, model=model)


def remembered_model(workspace: Workspace, batch: Batch) -> ResponseModel | None:
    """Give what the requests of a batch asked answers to be, where all asked for the same."""
    intent = workspace.journal.by_batch(batch.id)
    if intent is None or intent.response_schema is None:
        return None
    return from_schema(intent.response_schema, str(intent.response_schema.get("title", "Answer")))
