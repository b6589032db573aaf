"""The proof that a batch is the one that was submitted, where only its results can give it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from batch_cli.errors import DamagedData, quoted
from batch_cli.id_index import IdIndex
from batch_cli.model import BatchResult


def proven(batch_id: str, asked: Iterable[str], rows: Iterable[BatchResult]) -> Iterator[BatchResult]:
    """Give the rows of a batch, and stop where their ids show that it is another one's.

    Memory: some 60 bytes for each request.

    Raises:
        DamagedData: a row answers what was not asked, or after the last row: not everything is answered.
    """
    ids = IdIndex()
    for number, custom_id in enumerate(asked):
        ids.add(custom_id, number)
    answered = IdIndex()
    for row in rows:
        if ids.get(row.custom_id) is None:
            raise _not_ours(batch_id, f"it answers {quoted(row.custom_id)}, which was not asked")
        answered.add(row.custom_id, 0)
        yield row
    if answered.count < ids.count:
        missing = ids.count - answered.count
        raise _not_ours(batch_id, f"{missing:,} of {ids.count:,} requests have no result in it")


def _not_ours(batch_id: str, why: str) -> DamagedData:
    return DamagedData(
        f"{batch_id} is not the batch of this submit: {why}",
        where="the answer to its creation was lost, and it was taken for the only new batch of its size",
        hint=f"see what is in it: batch-cli results {batch_id} --order as-is -o FILE;"
        " submit the requests with --again",
    )
