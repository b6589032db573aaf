"""Moves batches from one status to the next: one thread, one batch after the other, every step repeatable.

    validating ─▶ failed
               ─▶ in_progress ─▶ finalizing ─▶ completed
                               ╰─ time over ─▶ expired
    validating, in_progress, finalizing ─▶ cancelling ─▶ cancelled

A step reads where a batch stands, does its work, and records the next status if the old one still holds. What a
crash cut off is done again from the same status: queueing in the engine is idempotent by the batch's key, and
result files count only when they are recorded together with the end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from batch_cli.clock import Clock
from batch_cli.engine.queue import Queue
from batch_cli.engine.store import NewBatch, Store, StoredBatch
from batch_cli.errors import BatchCliError, DamagedData, DiskError
from batch_cli.model import JsonObject
from batch_cli.serve.batch_wire import batch_wire
from batch_cli.serve.config import ServerConfig
from batch_cli.serve.contents import Contents
from batch_cli.serve.executor import Executor
from batch_cli.serve.fast_clock import FastClock
from batch_cli.serve.outcome import write_outcome
from batch_cli.serve.records import BatchRecord, Records
from batch_cli.serve.scenarios.effects import (
    REQUESTS,
    FailingShare,
    executed_requests,
    rejection,
    requests_of,
)
from batch_cli.serve.scenarios.seed import draw
from batch_cli.serve.scenarios.stage import Stage
from batch_cli.serve.upload_records import UploadRecords

_BUSY_PAUSE = 0.05
_IDLE_PAUSE = 1.0
_GRACE = 10.0
_SEEDED_DATE = 1_735_689_600
"""2025-01-01."""


class Conductor:
    """The thread's work; `run` is called there, everything else from the event loop."""

    def __init__(
        self,
        config: ServerConfig,
        stage: Stage,
        clock: FastClock,
        machine_clock: Clock,
        log: Callable[[str], None],
    ) -> None:
        """Conduct the batches of ``config.data_dir``; ``stage`` says what befalls them."""
        self._stage = stage
        self._config, self._clock, self._machine_clock, self._log = config, clock, machine_clock, log
        self._happened = threading.Event()
        self._must_stop = False

    def wake(self) -> None:
        """Look at the batches now: there is a new one, or a cancel."""
        self._happened.set()

    def stop(self) -> None:
        """Let `run` return after its current step."""
        self._must_stop = True
        self._happened.set()

    def run(self) -> None:
        """Conduct until `stop`. What is half-done then goes on in the next server."""
        records, contents = Records(self._config.data_dir), Contents(self._config.data_dir)
        engine = Store(self._config.data_dir / "engine", self._machine_clock)
        executor = Executor(engine.root, self._machine_clock, self._config.backend, self._log)
        uploads = UploadRecords(self._config.data_dir)
        steps = _Steps(self._config, self._stage, self._clock, (records, contents, engine))
        try:
            while not self._must_stop:
                is_busy = False
                try:
                    is_busy = self._move_all(steps, records)
                    if is_busy and engine.has_claimable():
                        executor.ensure()
                    steps.expire_files()
                    for part_id in uploads.expire(self._clock.now()):
                        contents.delete(part_id)
                except (
                    DiskError,
                    OSError,
                ) as error:  # a full disk may have room again: nothing is lost meanwhile
                    self._log(f"batches wait: {error}")
                    is_busy = False
                self._happened.wait(_BUSY_PAUSE if is_busy else _IDLE_PAUSE)
                self._happened.clear()
        finally:
            executor.stop(_GRACE)
            engine.close()
            uploads.close()
            records.close()

    def _move_all(self, steps: _Steps, records: Records) -> bool:
        """Do the next step of every open batch; tell whether there is one."""
        open_batches = records.open_batches()
        for batch in open_batches:
            if not self._must_stop:
                self._move(steps, batch)
        return bool(open_batches)

    def _move(self, steps: _Steps, batch: BatchRecord) -> None:
        try:
            steps.move(batch)
        except DamagedData as error:
            self._log(f"{batch.id}: {error.message}")
            steps.give_up(batch, error.message)
        except (BatchCliError, OSError) as error:  # a full disk may have room again: the step is tried again
            self._log(f"{batch.id}: {error}")
            self._happened.wait(_IDLE_PAUSE)


class _Steps:
    """What is done for a batch in each status."""

    def __init__(
        self,
        config: ServerConfig,
        stage: Stage,
        clock: FastClock,
        stores: tuple[Records, Contents, Store],
    ) -> None:
        self._config, self._stage, self._clock = config, stage, clock
        self._records, self._contents, self._engine = stores

    def move(self, batch: BatchRecord) -> None:
        """Do the next step of an open batch, if it can be done."""
        match batch.status:
            case "validating":
                self._validate(batch)
            case "in_progress":
                self._follow(batch)
            case "finalizing":
                self._end(batch, "completed")
            case _:
                self._cancel(batch)

    def give_up(self, batch: BatchRecord, reason: str) -> None:
        """End a batch whose stored requests or results are damaged."""
        if batch.status == "cancelling":
            self._end(batch, "cancelled", without_files=True)
            return
        error = {"code": "server_error", "message": reason, "param": None, "line": None}
        self._records.fail(batch.id, [error], batch.total, self._clock.now())

    def expire_files(self) -> None:
        """Remove the files whose time is over."""
        for file_id in self._records.expired_files(self._clock.now()):
            self._records.delete_file(file_id)
            self._contents.delete(file_id)

    def _validate(self, batch: BatchRecord) -> None:
        queued = self._engine.find(batch.engine_key)
        if queued is not None:  # a crash came between the two databases
            self._records.start(batch.id, queued.model, requests_of(queued), self._clock.now())
            return
        effects = self._effects(batch)
        if self._clock.now() < batch.created_at + effects.get("validating_seconds", 0):
            return
        source = self._contents.path(batch.input_file_id)
        try:
            found = batch_wire(batch.wire).validate(source, batch)
        except FileNotFoundError:
            message = "the input file was deleted before it was validated"
            error = {"code": "file_not_found", "message": message, "param": "input_file_id", "line": None}
            self._records.fail(batch.id, [error], 0, self._clock.now())
            return
        rejected = rejection(effects)
        errors = found.errors or ([rejected] if rejected is not None else [])
        if errors:
            self._records.fail(batch.id, errors, found.requests, self._clock.now())
            return
        self._queue(replace(batch, effects=effects), found.model or "", found.requests)
        self._records.start(batch.id, found.model, found.requests, self._clock.now())

    def _queue(self, batch: BatchRecord, model: str, requests: int) -> None:
        """Hand a valid batch to the engine: of one that is to stop early, only what is done before."""
        effects = batch.effects or {}
        failing = FailingShare(effects)
        with self._contents.path(batch.input_file_id).open("rb", buffering=1 << 20) as stream:
            lines = batch_wire(batch.wire).engine_lines(stream, batch)
            engine_id = self._engine.stage(batch.engine_key, failing.watch(lines))
        settings = {
            **self._config.handler_settings(batch.wire),
            "created": self._date(),
            **self._luck(batch),
            **failing.settings(),
        }
        wanted = executed_requests(effects, requests)
        metadata = {REQUESTS: str(requests)}
        new = NewBatch(batch.engine_key, batch.endpoint, model, settings, metadata, max(1, wanted))
        self._engine.add(engine_id, new, cancelled=wanted == 0)

    def _luck(self, batch: BatchRecord) -> JsonObject:
        """Give the seed of a batch's simulated failures: the same request may be answered in the next batch.

        It comes from the batch's place among those of the server: the same creates fail alike in every run.
        """
        if not self._config.simulation.get("error_rate"):
            return {}
        seed = int(self._config.simulation.get("seed", 0))
        return {"seed": int(draw(seed, "failures", batch.seq) * 2**53)}

    def _date(self) -> int:
        """Give when the rows of a batch say that they were made; with a seed they say the same every time."""
        return _SEEDED_DATE if self._config.seed is not None else int(self._clock.now())

    def _effects(self, batch: BatchRecord) -> JsonObject:
        """Decide what befalls a batch, once."""
        if batch.effects is not None:
            return batch.effects
        effects = self._stage.effects()
        self._records.decide(batch.id, effects)
        return effects

    def _follow(self, batch: BatchRecord) -> None:
        executed = self._executed(batch)
        if executed.status == "failed":
            raise DamagedData(f"its stored requests are damaged: {executed.error}")
        stop = (batch.effects or {}).get("stop")
        if executed.has_ended and stop is not None:
            self._stop_early(batch, stop)
        elif executed.status == "completed":
            self._records.finalize(batch.id, self._clock.now())
        elif executed.has_ended:  # we cancelled it, because its time was over
            self._end(batch, "expired")
        elif self._clock.now() >= batch.expires_at:
            self._stop(executed)

    def _stop_early(self, batch: BatchRecord, stop: str) -> None:
        """End a batch that has come as far as its scenario lets it; one that never ends stays as it is."""
        if stop == "expired":
            self._end(batch, "expired")
        elif stop == "cancelled":
            self._records.cancel(batch.id, self._clock.now())

    def _cancel(self, batch: BatchRecord) -> None:
        executed = self._engine.find(batch.engine_key)
        if executed is not None and not executed.has_ended:
            self._stop(executed)
        else:
            self._end(batch, "cancelled")

    def _stop(self, executed: StoredBatch) -> None:
        """Let nothing more of a batch start; dead workers do not hold the end up."""
        Queue(self._engine).rescue()
        self._engine.cancel(executed.id)

    def _executed(self, batch: BatchRecord) -> StoredBatch:
        executed = self._engine.find(batch.engine_key)
        if executed is None:
            raise DamagedData("the engine knows nothing of it")
        return executed

    def _end(self, batch: BatchRecord, status: str, *, without_files: bool = False) -> None:
        executed = None if without_files else self._engine.find(batch.engine_key)
        stored = None if executed is None else (self._engine, executed)
        now = self._clock.now()
        end = write_outcome(batch_wire(batch.wire), batch, status, stored, self._contents, now)
        if not self._records.end(batch, end, now):
            for file in (end.output, end.errors):
                if file is not None:
                    self._contents.delete(file.id)
