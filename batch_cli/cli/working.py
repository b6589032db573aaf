"""How the worker is started, stopped and shown."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass

from batch_cli.cli.context import Context
from batch_cli.cli.tables import Column, Table, show
from batch_cli.cli.text import duration, one_line, plural
from batch_cli.clock import rfc3339
from batch_cli.engine.daemon import ensure_worker, log_path, sole_worker, stop_worker, worker_pid
from batch_cli.engine.live_worker import stop_live_workers
from batch_cli.engine.queue import Queue
from batch_cli.engine.store import Store
from batch_cli.errors import ExitCode, StateError, Stopped
from batch_cli.events import Event, Listener, Note


@dataclass(frozen=True, slots=True)
class Start:
    """How the worker works."""

    concurrency: int
    linger: float | None
    grace: float


def start(context: Context, options: Start, *, detach: bool) -> ExitCode:
    """Run a worker here until it is stopped, or start one in the background."""
    with context.workspace() as workspace:
        root = workspace.state / "engine"
        if detach:
            store = Store(root, context.clock)
            store.close()
            if not ensure_worker(root, context.environment, options.concurrency, options.linger):
                raise StateError(
                    f"a worker runs already (pid {worker_pid(root)})", hint="batch-cli worker status"
                )
            context.console.say(f"a worker was started; its log: {log_path(root)}")
            _announce(context, worker_pid(root), detached=True)
            return ExitCode.OK
        from batch_cli.engine.worker import Worker, WorkerOptions  # noqa: PLC0415 - asyncio, 70 ms

        store = Store(root, context.clock)
        wanted = WorkerOptions(options.concurrency, linger=options.linger, grace=options.grace)
        number = None
        while True:
            with sole_worker(root):
                listener = _dated(context)
                listener(Note(f"worker {os.getpid()} starts; Ctrl-C or 'batch-cli worker stop' ends it"))
                _announce(context, os.getpid(), detached=False)
                number = Worker(store, wanted, listener).run()
                listener(Note(f"worker {os.getpid()} ends"))
            # A submit that came while this worker was deciding to end saw the lock held: look once more.
            if number is not None or options.linger is None or not store.has_claimable():
                break
    if number is not None:
        raise Stopped("Stopped. What was not finished waits for the next worker.", signal_number=number)
    return ExitCode.OK


def _announce(context: Context, pid: int | None, *, detached: bool) -> None:
    if context.console.json:
        context.console.document("worker_start", {"pid": pid, "detached": detached})
        context.console.flush()


def _dated(context: Context) -> Listener:
    """Give a listener that writes notes with their time, as a log has them."""

    def listen(event: Event) -> None:
        if isinstance(event, Note):
            context.console.say(f"{rfc3339(context.clock.now())} {event.text}")

    return listen


def stop(context: Context, grace: float) -> ExitCode:
    """Ask the detached worker to stop, and wait until it has."""
    with context.workspace() as workspace:
        root = workspace.state / "engine"
        busy = stop_live_workers(root, context.clock, grace + 5) if root.is_dir() else []
        stopped = stop_worker(root, context.clock, grace + 5)
    if busy:
        raise StateError(
            f"worker {busy[0]} has not ended yet", hint="wait, or end it with kill -9: nothing is lost"
        )
    if stopped.pid is None:
        context.console.say("no worker runs")
    elif not stopped.has_ended:
        raise StateError(
            f"worker {stopped.pid} has not ended yet", hint="wait, or end it with kill -9: nothing is lost"
        )
    else:
        context.console.say(f"worker {stopped.pid} has stopped")
    if context.console.json:
        context.console.document("worker_stop", {"pid": stopped.pid})
    return ExitCode.OK


def status(context: Context) -> ExitCode:
    """Show who works, and how much there is to do."""
    with context.workspace() as workspace:
        store = Store(workspace.state / "engine", context.clock)
        workers = Queue(store).workers()
        waiting, completed, failed, running = store.totals()
    console = context.console
    if console.json:
        console.document(
            "worker",
            {
                "workers": [
                    {
                        "pid": worker.pid,
                        "host": worker.host,
                        "started_at": rfc3339(worker.started_at),
                        "leases": worker.leases,
                        "heartbeat_age_s": round(worker.heartbeat_age, 1),
                    }
                    for worker in workers
                ],
                "queued": waiting - running,
                "running": running,
                "done": completed,
                "failed": failed,
            },
        )
        return ExitCode.OK
    columns = (
        Column("pid", "PID", right=True),
        Column("started_at", "Started"),
        Column("leases", "In flight", right=True),
        Column("heartbeat", "Heartbeat"),
    )
    rows = [
        [str(w.pid), rfc3339(w.started_at) or "", str(w.leases), f"{duration(w.heartbeat_age)} ago"]
        for w in workers
    ]
    if rows:
        show(console, Table("Workers", columns, rows), None)
    console.say(
        f"{plural(len(workers), 'worker')}; {waiting - running:,} waiting, {running:,} running,"
        f" {completed:,} completed, {failed:,} failed"
    )
    return ExitCode.OK


def logs(context: Context, lines: int) -> ExitCode:
    """Print the end of the worker's log."""
    with context.workspace() as workspace:
        path = log_path(workspace.state / "engine")
    try:
        with path.open("rb") as stream:
            tail = deque(stream, maxlen=lines)
    except FileNotFoundError:
        context.console.say("no worker has run here yet")
        return ExitCode.OK
    for line in tail:
        context.console.line(one_line(line.decode("utf-8", "replace").rstrip("\n")))
    return ExitCode.OK
