"""Results that become an object in a bucket: what `results` and `result_file` write, sent when it is whole."""

from __future__ import annotations

from dataclasses import replace

from batch_cli.jobs.object_output import ObjectOutput
from batch_cli.jobs.result_file import GoodFile, WrittenFile, owner_of, write_file
from batch_cli.jobs.result_file import written_before as file_before
from batch_cli.jobs.results import ResultsOrder, Written, recall, write_results
from batch_cli.jobs.workspace import Workspace
from batch_cli.model import Batch
from batch_cli.object_store import ObjectAddress, ObjectStore


def write_results_object(
    workspace: Workspace, batch: Batch, order: ResultsOrder, address: ObjectAddress
) -> Written:
    """Write the results of a batch as an object with its manifest; again on a complete one: nothing is done.

    Raises:
        StateError: the object holds something else, or another process on this machine writes it.
        ConfigError, Rejected, Temporary: the store cannot be used; an older object is untouched.
        DamagedData, DiskError: as `write_results`.
    """
    output = ObjectOutput(ObjectStore(workspace.environment), address, batch.id)
    proof = output.proof(force=order.force)
    if proof is not None and (before := recall(workspace, batch, order, proof)) is not None:
        return Written(batch, before, str(address), already_complete=True)
    with output.file(workspace.state) as path:
        written = write_results(workspace, batch, replace(order, force=True), path)
    return replace(written, output=str(address), already_complete=False)


def write_file_object(workspace: Workspace, file: GoodFile, address: ObjectAddress) -> WrittenFile:
    """Write the rows of a good result file as an object with its manifest, as `write_results_object` does."""
    output = ObjectOutput(ObjectStore(workspace.environment), address, owner_of(file))
    proof = output.proof(force=file.order.written.force)
    if proof is not None and (before := file_before(workspace, file, proof)) is not None:
        return WrittenFile(file, before, already_complete=True)
    with output.file(workspace.state) as path:
        return replace(write_file(workspace, file, path), already_complete=False)
