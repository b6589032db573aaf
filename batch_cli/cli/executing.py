"""How the options that say who works become what the core understands."""

from __future__ import annotations

from batch_cli.cli.options import Executor
from batch_cli.engine.cluster.wishes import ClusterWishes
from batch_cli.errors import UsageError


def cluster(
    executor: Executor, address: str | None, *, runs_here: bool = True, predicts: bool = False
) -> ClusterWishes | None:
    """Give the cluster that is to work; None: this machine does. ``runs_here`` and ``predicts`` tell of the batch.

    Raises:
        UsageError: an address without a cluster, or a batch that its provider runs, or one of predictions.
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
    return ClusterWishes(address)
