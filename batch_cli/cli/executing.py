"""How the options that say who works become what the core understands."""

from __future__ import annotations

from collections.abc import Sequence

from batch_cli.cli.options import Executor
from batch_cli.engine.cluster.wishes import ClusterWishes
from batch_cli.errors import UsageError
from batch_cli.jobs.workspace import BatchPlace, Workspace
from batch_cli.providers import PREDICTORS


def cluster(
    executor: Executor,
    address: str | None,
    *,
    runs_here: bool = True,
    predicts: bool = False,
    waits: bool = True,
) -> ClusterWishes | None:
    """Give the cluster that is to work; None: this machine does. ``runs_here`` and ``predicts`` tell of the batch.

    Raises:
        UsageError: an address without a cluster, or a batch that its provider runs, or one of predictions, or a
            command that does not wait.
    """
    if executor is Executor.LOCAL:
        if address is not None:
            raise UsageError("--ray-address is for --executor ray", hint="add --executor ray")
        return None
    if predicts:
        raise UsageError("--executor ray does not work at predictions", hint="leave it out")
    if not runs_here:
        raise UsageError(
            "--executor ray works at batches that run here, not at those of a provider",
            hint="add --via direct, at the live price, or leave it out",
        )
    if not waits:
        raise UsageError(
            "--executor ray works while the command waits: what goes on in the background is done by this machine",
            hint="add --wait or --results FILE, or use 'batch-cli run'",
        )
    return ClusterWishes(address)


def refuse_elsewhere(workspace: Workspace, places: Sequence[BatchPlace]) -> None:
    """Refuse batches that a cluster cannot work at.

    Raises:
        UsageError: their provider runs them, or they are predictions.
    """
    for place in places:
        runs_here = workspace.provider(place.provider).of(place.id).capabilities.runs_here
        if not runs_here or place.provider in PREDICTORS:
            whose = "is of predictions" if runs_here else f"runs at {place.provider}"
            raise UsageError(f"--executor ray cannot work at {place.id}: it {whose}", hint="leave it out")
