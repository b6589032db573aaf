"""Batches as plain functions, as regolo's pages describe them: requests go in as text, result lines come out as dicts.

Source: regolo's draft page on batch processing (2026-03-04); no released client of theirs has these functions.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

from batch_cli.api import batches
from batch_cli.api.job_info import BatchJobInfo, job_info
from batch_cli.api.surroundings import Surroundings
from batch_cli.errors import UsageError
from batch_cli.jobs.end import cancel
from batch_cli.jobs.follow import status
from batch_cli.jobs.workspace import BatchPlace, Workspace
from batch_cli.jsonl import loads_exactly
from batch_cli.model import JsonObject, ModelName
from batch_cli.providers.base import EncodeOptions

_PROVIDER = "regolo"
"""Whose batches are meant where nothing else is said."""


def submit_batch(
    requests: str | bytes,
    model: str | None = None,
    *,
    metadata: Mapping[str, str] | None = None,
    again: bool = False,
    split: bool = False,
    simulate: Mapping[str, float] | None = None,
    surroundings: Surroundings | None = None,
) -> BatchJobInfo:
    """Submit request lines, given as text and not as a path, and give the batch.

    Each line is a request in any of the three shapes of regolo's pages, in another provider's, or a line of
    messages. ``model`` is ``provider/name``, or a name alone for one of regolo's; without it the lines name their
    models, and regolo runs them. The other words are those of `BatchProcessor.submit_batch`. The same content
    within 24 hours is the same batch, unless ``again`` asks for a second one.

    Raises:
        InvalidInput: with every problem of the lines; nothing is sent then.
    """
    name = _model_name(model)
    content = requests.encode("utf-8") if isinstance(requests, str) else requests
    wishes = batches.SubmitWishes(metadata, again=again, split=split, simulate=simulate)
    with (surroundings or Surroundings()).open(name.provider) as workspace:
        options = EncodeOptions(name.name)
        return job_info(batches.submit_source(workspace, io.BytesIO(content), name, options, wishes))


def get_batch(batch_id: str, *, surroundings: Surroundings | None = None) -> BatchJobInfo:
    """Ask how a batch stands: whoever's it is if it was submitted here, else one of regolo's."""
    with (surroundings or Surroundings()).open() as workspace:
        return job_info(status(workspace, _place(workspace, batch_id)))


def get_batch_results(batch_id: str, *, surroundings: Surroundings | None = None) -> list[JsonObject]:
    """Give one line for each request of a batch that has ended, failed ones included, in input order, as dicts.

    ``custom_id``, ``response`` (``status_code``, ``body``) and ``error`` (None where all is well) are in each, and
    ``parsed`` where the requests asked for JSON of one schema.

    Raises:
        NotFinished: the batch has not ended.
        DamagedData: its results contradict themselves.
    """
    with (surroundings or Surroundings()).open() as workspace:
        _, found = batches.result_rows(workspace, _place(workspace, batch_id))
        return [loads_exactly(row.line) for row in found]


def cancel_batch(batch_id: str, *, surroundings: Surroundings | None = None) -> BatchJobInfo:
    """Stop what has not started; what is finished stays. One that has ended stays as it is."""
    with (surroundings or Surroundings()).open() as workspace:
        return job_info(cancel(workspace, _place(workspace, batch_id)).batch)


def _model_name(model: str | None) -> ModelName:
    if model is None:
        return ModelName(_PROVIDER, "")
    return ModelName.parse(model) if "/" in model else ModelName(_PROVIDER, model)


def _place(workspace: Workspace, batch_id: str) -> BatchPlace:
    try:
        return workspace.find_batch(batch_id, None)
    except UsageError:  # nobody's whom we know; an id that cannot be one is refused again
        return workspace.find_batch(batch_id, ModelName(_PROVIDER, ""))
