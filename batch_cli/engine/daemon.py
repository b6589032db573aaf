"""The detached worker: one for each state directory, in a session of its own, with its log beside the queue."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from batch_cli.clock import Clock
from batch_cli.errors import StateError, disk_error
from batch_cli.files import private_directory, try_lock, write_all

LINGER_SECONDS = 10.0
"""How long a worker that a submit started stays without work."""
_LARGEST_LOG = 5_000_000
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR", "TZ", "PYTHONPATH", "VIRTUAL_ENV", "USER")
_KEPT_PREFIXES = ("LC_", "XDG_", "PYTHON")
_PAUSE = 0.05


def log_path(root: Path) -> Path:
    """Give where the worker of an engine directory writes its log."""
    return root / "worker.log"


def ensure_worker(
    root: Path,
    environment: Mapping[str, str],
    concurrency: int = 8,
    linger: float | None = LINGER_SECONDS,
) -> bool:
    """Start a detached worker for the engine in ``root``, unless one runs; tell whether one was started.

    It stops by itself when there has been nothing to do for ``linger`` seconds. It inherits no keys: only
    what a program needs to run is kept of ``environment``.

    Raises:
        DiskError: its log cannot be written.
    """
    lock = _try_worker_lock(root)
    if lock is None:
        return False
    os.close(lock)
    words = [
        sys.executable, "-m", "batch_cli", "worker", "start", "--state-dir", str(root.parent),
        "--concurrency", str(concurrency), "--progress", "none",
        *(() if linger is None else ("--linger", str(linger))),
    ]  # fmt: skip
    with open_log(root) as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
            words,
            cwd=root,
            env=clean(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _bury(process)
    return True


def _bury(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a worker in a thread: a program that lives longer would keep its remains, and be warned."""
    before = signal.pthread_sigmask(
        signal.SIG_BLOCK, signal.valid_signals()
    )  # the thread inherits it: it hears none
    try:
        threading.Thread(target=process.wait, name="worker", daemon=True).start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Give what a program needs of an environment to run: no keys."""
    return {
        name: value
        for name, value in environment.items()
        if name in _KEPT_VARIABLES or name.startswith(_KEPT_PREFIXES)
    }


@contextlib.contextmanager
def open_log(root: Path) -> Iterator[int]:
    """Open the log for appending; one that has grown too large is kept once under another name."""
    path = log_path(root)
    try:
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size > _LARGEST_LOG:
                path.replace(path.with_suffix(".log.1"))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise disk_error(error, path, doing="opening") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock_path(root: Path) -> Path:
    return private_directory(root) / "worker.lock"


def _try_worker_lock(root: Path) -> int | None:
    return try_lock(_lock_path(root))


@contextlib.contextmanager
def sole_worker(root: Path) -> Iterator[None]:
    """Be the detached worker of an engine directory for the length of a block.

    Raises:
        StateError: another process is.
    """
    lock = _try_worker_lock(root)
    if lock is None:
        raise StateError(f"a worker runs already (pid {worker_pid(root)})", hint="batch-cli worker status")
    try:
        os.ftruncate(lock, 0)
        write_all(lock, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(lock)


def worker_pid(root: Path) -> int | None:
    """Give the process id of the detached worker, or None when none runs."""
    lock = _try_worker_lock(root)
    if lock is not None:
        os.close(lock)
        return None
    with contextlib.suppress(OSError, ValueError):
        return int(_lock_path(root).read_text(encoding="ascii"))
    return None


@dataclass(frozen=True, slots=True)
class Stopped:
    """What asking a worker to stop led to."""

    pid: int | None
    """None: there was none."""
    has_ended: bool


def stop_worker(root: Path, clock: Clock, grace: float) -> Stopped:
    """Ask the detached worker to stop and wait until it has, ``grace`` seconds at most."""
    pid = worker_pid(root)
    if pid is None:
        return Stopped(None, has_ended=True)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    end = clock.monotonic() + grace
    while clock.monotonic() < end:
        if worker_pid(root) != pid:
            return Stopped(pid, has_ended=True)
        clock.sleep(_PAUSE)
    return Stopped(pid, has_ended=False)
