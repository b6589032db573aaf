"""The worker of one live batch: one process at a time, which has the batch's lock and its keys.

A batch that is asked live costs money and has limits of its own, so no other worker touches it. A process in the
background learns the keys by a pipe: neither arguments nor files nor the environment hold them.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from batch_cli.clock import Clock, SystemClock
from batch_cli.engine.cluster.wishes import ClusterWishes
from batch_cli.engine.daemon import clean, open_log
from batch_cli.engine.handlers.live.options import LiveOptions, LiveSetup
from batch_cli.engine.queue import Queue
from batch_cli.engine.store import Store
from batch_cli.engine.written import record_written
from batch_cli.errors import BatchCliError, disk_error
from batch_cli.events import Event, Listener, LiveFigures, Note, Phase, Progress
from batch_cli.files import private_directory, try_lock, write_all, write_atomically
from batch_cli.jsonl import loads

_SWITCH_SECONDS = 0.0005
"""How long the thread of the store may keep Python to itself: every system call of the event loop waits as long."""
_YOUNG = 20_000
"""Objects after which Python looks for those that refer to each other: what waits here makes it look in vain, 10 µs a row."""
_PAUSE = 0.05
_LOOK_SECONDS = 0.5
"""Between two looks at a batch that another process works at."""


class LiveBatch:
    """A live batch, seen by who works at it or wants to."""

    def __init__(self, store: Store, batch_id: str, cluster: ClusterWishes | None = None) -> None:
        """Look at one batch of ``store``; who works at it here may let a ``cluster`` send its requests."""
        self._store, self._id, self._cluster = store, batch_id, cluster
        self._directory = store.root / batch_id

    # --- how fast ---

    @property
    def _options_path(self) -> Path:
        return self._directory / "live.json"

    def keep(self, options: LiveOptions) -> None:
        """Keep how fast the batch may be asked, for whoever works at it next."""
        write_atomically(self._options_path, options.encode())

    def kept(self) -> LiveOptions:
        """Give what was kept last; the defaults where nothing was."""
        try:
            return LiveOptions.from_json(loads(self._options_path.read_bytes()))
        except FileNotFoundError:
            return LiveOptions()
        except OSError as error:
            raise disk_error(error, self._options_path, doing="reading") from error

    def _answers_path(self, options: LiveOptions) -> Path | None:
        """Give where answers are kept that are given again: beside the batches, or with this one alone."""
        if options.cache_bytes is not None:
            return self._store.root.parent / "answers.db"
        return self._directory / "answers.db" if options.dedupe else None

    # --- who works ---

    def _lock(self) -> int | None:
        return try_lock(private_directory(self._directory) / "worker.lock")

    def drive(
        self,
        setup: Callable[[], LiveSetup],
        listener: Listener,
        seconds: float | None,
        grace: float,
    ) -> int | None:
        """Work at the batch until it has ended; while another process does, watch it. Give the signal that ended it.

        Raises:
            BatchCliError: the account can have no more answers now; what was answered is kept.
        """
        clock = self._store.clock
        end = None if seconds is None else clock.monotonic() + seconds
        tells = self._cluster is not None
        while True:
            batch = self._store.batch(self._id)
            if batch is None or batch.has_ended:
                return None
            left = None if end is None else end - clock.monotonic()
            if left is not None and left <= 0:
                return None
            lock = self._lock()
            if lock is not None:
                try:
                    return self.work(setup(), listener, left, grace)
                finally:
                    os.close(lock)
            if tells:
                text = f"another process works at {self._id}; the cluster waits until it stops"
                listener(Note(f"{text}: batch-cli worker stop", warning=True))
                tells = False
            listener(Progress(Phase.RUN, batch.completed + batch.failed, batch.total, batch.failed))
            clock.sleep(_LOOK_SECONDS if left is None else min(_LOOK_SECONDS, left))

    def work(
        self,
        setup: LiveSetup,
        listener: Listener,
        seconds: float | None,
        grace: float,
        leash: int | None = None,
    ) -> int | None:
        """Work at the batch in this process, which holds its lock; give the signal that ended it."""
        from batch_cli.engine.worker import Worker, WorkerOptions  # noqa: PLC0415 - asyncio, 70 ms

        options = WorkerOptions(
            setup.options.concurrency,
            self._id,
            seconds=seconds,
            leash=leash,
            grace=grace,
            live=replace(setup, answers=self._answers_path(setup.options)),
            # What only sends its requests is never killed by one of them; a model in this process may be.
            blames=not setup.backends,
            cluster=self._cluster,
        )
        queue = Queue(self._store)
        queue.rescue()
        if (batch := self._store.batch(self._id)) is not None:
            record_written(self._store, queue, batch)
        self._store.note_trouble(self._id, None)
        worker = Worker(self._store, options, listener)
        try:
            with tuned():
                return worker.run()
        except BatchCliError as error:
            self._store.note_trouble(self._id, error.message)
            raise
        finally:
            _tell_saved(worker.figures, listener)

    def start(self, environment: Mapping[str, str], setup: LiveSetup, grace: float) -> bool:
        """Let a process of its own work at the batch, unless one does; tell whether one was started."""
        lock = self._lock()
        if lock is None:
            return False
        os.close(lock)
        words = [sys.executable, "-m", "batch_cli.engine.live_worker", str(self._store.root), self._id]
        with open_log(self._store.root) as log:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
                [*words, str(grace)],
                cwd=self._store.root,
                env=clean(environment),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError), process.stdin:  # it died at once: its log says why
                process.stdin.write(setup.encode())
        return True

    def work_alone(self, setup: LiveSetup, listener: Listener, grace: float) -> None:
        """Be the process that works at the batch, unless another one is."""
        lock = self._lock()
        if lock is None:
            return
        try:
            os.ftruncate(lock, 0)
            write_all(lock, f"{os.getpid()}\n".encode())
            self.work(setup, listener, None, grace)
        finally:
            os.close(lock)


@contextlib.contextmanager
def tuned() -> Iterator[None]:
    """Let Python suit the work for the length of a block: two threads, and thousands of small objects that come and go."""
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.set_threshold(_YOUNG, *thresholds[1:])
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)


def stop_live_workers(root: Path, clock: Clock, grace: float) -> list[int]:
    """Ask the processes that work at live batches in the background to stop; give those that have not, in ``grace`` seconds."""
    left: dict[Path, int] = {}
    for path in root.glob("direct_*/worker.lock"):
        lock = try_lock(path)
        if lock is not None:
            os.close(lock)
            continue
        with contextlib.suppress(OSError, ValueError):
            left[path] = int(path.read_text(encoding="ascii"))
            os.kill(left[path], signal.SIGTERM)
    end = clock.monotonic() + grace
    while left and clock.monotonic() < end:
        clock.sleep(_PAUSE)
        for path in list(left):
            if (lock := try_lock(path)) is not None:
                os.close(lock)
                del left[path]
    return list(left.values())


def _tell_saved(figures: LiveFigures | None, listener: Listener) -> None:
    if figures is not None and figures.dollars:
        listener(Note(f"the answers took {figures.tokens:,} tokens: about ${figures.dollars:.4f}"))
    if figures is not None and figures.saved:
        text = f"{figures.saved:,} requests were not sent, because the same had been answered"
        listener(Note(f"{text}: {figures.saved_tokens:,} tokens saved"))


def main(root: str, batch_id: str, grace: str) -> None:
    """Be the process: the first line of standard input says where to send requests, and with which key."""
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):
        return

    def say(event: Event) -> None:
        if isinstance(event, Note):
            write_all(2, f"{batch_id}: {event.text}\n".encode())

    store = Store(Path(root), SystemClock())
    try:
        LiveBatch(store, batch_id).work_alone(LiveSetup.decode(line), say, float(grace))
    except BatchCliError as error:
        sys.exit(f"{batch_id}: {error.message}")


if __name__ == "__main__":
    main(*sys.argv[1:4])
