"""What both forms of the Python interface do with batches: submit, follow, fetch. Each function takes an open workspace."""

from __future__ import annotations

import io
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from batch_cli.engine import daemon
from batch_cli.errors import DamagedData, DamagedFile, Stopped, UsageError, quoted
from batch_cli.files import open_input
from batch_cli.jobs import asked
from batch_cli.jobs.follow import ListOrder, list_batches, status
from batch_cli.jobs.result_file import FileOrder, check_results
from batch_cli.jobs.result_file import rows as rows_of_file
from batch_cli.jobs.results import ResultsOrder, ended_batch, rows, write_results
from batch_cli.jobs.split import Split
from batch_cli.jobs.submission import SubmitOrder
from batch_cli.jobs.submit import submit
from batch_cli.jobs.wait import wait
from batch_cli.jobs.whole import placed
from batch_cli.jobs.workspace import BatchPlace, Workspace
from batch_cli.messages import MessagesForm, MessagesOptions
from batch_cli.model import INTENT, Batch, JsonObject, ModelName
from batch_cli.providers.base import EncodeOptions
from batch_cli.response_model import ResponseModel
from batch_cli.results import OutputRow
from batch_cli.row_index import StrayKind, Strays

Source = str | os.PathLike[str] | io.BytesIO
"""A file with requests or messages: by its path, or in memory, taken from its start."""

_DESCRIPTION = "batch-cli"
_SIMULATION: Mapping[str, float] = {"error_rate": 0.0, "latency": 0.0, "seed": 0}
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
"""Seconds between two looks at a batch that a worker of its own works at."""


@dataclass(frozen=True, slots=True)
class SubmitWishes:
    """What is asked for besides the requests."""

    metadata: Mapping[str, str] | None = None
    """None: a description that names this tool."""
    again: bool = False
    """Submit even if the same content was submitted in the last 24 hours."""
    split: bool = False
    """Cut what is over the limits of one batch into several."""
    simulate: Mapping[str, float] | None = None
    """For ``local/simulate``: ``error_rate`` (0 to 1), ``latency`` (seconds), ``seed``."""


def submit_source(
    workspace: Workspace, source: Source, model: ModelName, encode: EncodeOptions, wishes: SubmitWishes
) -> Batch:
    """Submit a file and start a worker for what runs on this machine; raises as `batch_cli.jobs.submit` does."""
    open_file, name, form = _opened(source)
    order = SubmitOrder(
        open_file,
        name,
        model,
        encode,
        MessagesOptions(form=form, delimiter="\t" if name.lower().endswith(".tsv") else ","),
        metadata=_checked_metadata(wishes.metadata),
        settings=_settings(model, wishes.simulate),
        again=wishes.again,
        save_id=False,
        split=Split() if wishes.split else None,
    )
    batch = submit(workspace, order).batch
    _start_worker(workspace, batch)
    return batch


def _opened(source: Source) -> tuple[Callable[[], BinaryIO], str, MessagesForm]:
    """Give how a source is opened anew, what it is called, and how it is laid out if it holds messages."""
    if isinstance(source, io.BytesIO):
        content = source.getvalue()  # shared, not copied, until somebody writes
        return lambda: io.BytesIO(content), "the buffer", MessagesForm.JSONL
    path = Path(source)
    return partial(open_input, path), str(path), MessagesForm.of(path, None)


def _checked_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    if metadata is None:
        return {"description": _DESCRIPTION}
    for key, value in metadata.items():
        if not (isinstance(key, str) and isinstance(value, str)):
            raise UsageError(
                f"metadata: {quoted(str(key))} and its value must be texts", hint="use str() on them"
            )
        if key == INTENT:
            raise UsageError(f"metadata: {INTENT} is our own", hint="choose another key")
    return dict(metadata)


def _settings(model: ModelName, simulate: Mapping[str, float] | None) -> JsonObject:
    """Give the settings of the simulated model, the same as the command's, so that the same file is the same batch."""
    if model.provider != "local":
        if simulate:
            raise UsageError("simulate is for local/simulate", hint="leave it out")
        return {}
    if model.name != "simulate":
        raise UsageError(
            f"the local engine has no model {quoted(model.name)}",
            hint="use local/simulate",
            reference="E602",
        )
    if unknown := set(simulate or ()) - set(_SIMULATION):
        raise UsageError(
            f"simulate: {quoted(min(unknown))} is not known", hint=f"use {', '.join(_SIMULATION)}"
        )
    return {**_SIMULATION, **(simulate or {})}


def _start_worker(workspace: Workspace, batch: Batch) -> None:
    """Start a detached worker for a batch that runs here, unless one runs already."""
    if (
        not batch.status.is_terminal
        and workspace.provider(batch.provider).of(batch.id).capabilities.runs_here
    ):
        daemon.ensure_worker(workspace.state / "engine", workspace.environment)


def wait_for(workspace: Workspace, place: BatchPlace, seconds: float | None) -> Batch:
    """Wait until a batch has ended, or ``seconds`` are over, and give it as it stands then.

    What runs on this machine is worked at here, in the main thread; in others a worker of its own does it.

    Raises:
        KeyboardInterrupt: Ctrl-C; the batch goes on, or can be gone on with.
    """
    runs_here = workspace.provider_of(place).capabilities.runs_here
    if runs_here and threading.current_thread() is not threading.main_thread():
        return _watch(workspace, place, seconds)  # a worker hears signals, which only the main thread can
    try:
        return wait(workspace, [place], seconds=seconds).batches[0]
    except Stopped as error:
        if error.signal_number == signal.SIGINT:
            raise KeyboardInterrupt(error.message) from error
        raise


def _watch(workspace: Workspace, place: BatchPlace, seconds: float | None) -> Batch:
    """Look at a batch that a detached worker works at again and again."""
    clock = workspace.clock
    end = clock.monotonic() + (float("inf") if seconds is None else seconds)
    pause = _FIRST_PAUSE
    while True:
        batch = status(workspace, place)
        if batch.status.is_terminal or (left := end - clock.monotonic()) <= 0:
            return batch
        _start_worker(workspace, batch)
        clock.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)


def result_rows(
    workspace: Workspace, place: BatchPlace, model: ResponseModel | None = None
) -> tuple[Batch, Iterator[OutputRow]]:
    """Give a batch that has ended and its rows, in input order, one in memory at a time.

    Raises:
        NotFinished: it has not.
        DamagedData: its results contradict themselves; possibly only after the last row.
    """
    batch, strays = ended_batch(workspace, place), Strays()
    found = rows(workspace, batch, ResultsOrder(model), strays)
    return batch, _proved(batch, found, strays)


def _proved(batch: Batch, found: Iterator[OutputRow], strays: Strays) -> Iterator[OutputRow]:
    """Give all rows, then fail if something came that is no row of its own."""
    yield from found
    counts = strays.counts
    if counts[StrayKind.CONFLICT] or counts[StrayKind.UNKNOWN] or counts[StrayKind.DAMAGED]:
        raise _contradiction(batch, "the rows were given all the same; those in conflict are errors")


def _contradiction(batch: Batch, where: str) -> DamagedData:
    return DamagedData(
        f"the results of {batch.id} contradict themselves, or are not all its own",
        where=where,
        hint=f"batch-cli results {batch.id} -o FILE keeps what is in doubt beside FILE",
    )


def save_results(
    workspace: Workspace,
    place: BatchPlace,
    output: Path,
    model: ResponseModel | None,
    watch: Callable[[OutputRow], None],
) -> None:
    """Write the rows of a batch that has ended to ``output``, and tell ``watch`` of each, also of a complete one.

    Raises:
        NotFinished: it has not.
        DamagedData: its results contradict themselves; what is good was written, the rest is beside it.
    """
    batch = ended_batch(workspace, place)
    written = write_results(workspace, batch, ResultsOrder(model, watch=watch), output)
    if written.summary.is_damaged:
        raise _contradiction(batch, f"{written.output} has the rows, and what is in doubt stands beside it")


def parsed_rows(
    workspace: Workspace, text: str | bytes, provider: str, model: ResponseModel | None
) -> list[OutputRow]:
    """Give the rows of the lines of a result file.

    Raises:
        DamagedFile: it is none, or its results contradict each other.
    """
    data = text.encode() if isinstance(text, str) else text
    order = FileOrder(asked.Source(lambda: io.BytesIO(data), "the text"), None, provider, ResultsOrder(model))
    with check_results(workspace, order) as file:
        found = list(rows_of_file(workspace, file))
        if file.problems.errors:
            raise DamagedFile(
                "the text holds results that contradict each other",
                problems=file.warnings,
                total=file.problems.errors,
            )
        return found


def newest_batches(workspace: Workspace, provider: str, limit: int) -> Iterator[Batch]:
    """Give the newest batches of a provider: those of its account; of what runs here, those of this machine."""
    asked = workspace.provider(provider)
    if not asked.address:
        yield from list_batches(workspace, ListOrder(provider, limit))
        return
    for batch in islice(asked.batches(), limit):
        yield placed(workspace, batch)
