"""Runs the application: the socket, the moment it is ready, signals, and the end.

What the events are called here is uvicorn's; nothing else of the package knows it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import uvicorn

from batch_cli.clock import Clock
from batch_cli.engine.handlers.maker import is_live
from batch_cli.engine.stop_signals import leave_to_others
from batch_cli.errors import StateError, UsageError
from batch_cli.files import held, private_directory, try_lock
from batch_cli.serve.app import build
from batch_cli.serve.conductor import Conductor
from batch_cli.serve.config import ServerConfig
from batch_cli.serve.connection import Door, protocol_with
from batch_cli.serve.desk import Desk
from batch_cli.serve.scenarios.stage import Stage

_KEEP_ALIVE = 15
_GRACE = 10
"""Seconds that running requests get to end."""
_MOST_CONNECTIONS = 1_000
_MOST_HEADER_BYTES = 32_768
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve(
    config: ServerConfig, clock: Clock, log: Callable[[str], None], ready: Callable[[str], None]
) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP; ``ready`` is told the URL as soon as connections are taken.

    Raises:
        StateError: the port or the data directory is in use.
        UsageError: there is no such address here.
        DiskError: the data directory cannot be used.
    """
    lock = try_lock(private_directory(config.data_dir) / "serve.lock")
    if lock is None:
        raise StateError(
            f"another server uses {config.data_dir}",
            hint="stop it, or choose another place with --data-dir DIR",
        )
    with held(lock), contextlib.closing(listen(config)) as listener:
        asyncio.run(_run(config, clock, log, (listener, ready)))


def listen(config: ServerConfig) -> socket.socket:
    """Give a socket that is bound, and not listening yet.

    Raises:
        StateError: the port is in use.
        UsageError: there is no such address here.
    """
    try:
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        # Named, because asyncio sets TCP_NODELAY only then; without it an answer waits 40 ms for an ACK.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((config.host, config.port))
    except socket.gaierror as error:
        raise UsageError(f"no such address: {config.host}", hint="use --host 127.0.0.1") from error
    except OSError as error:
        raise StateError(
            f"cannot listen on {config.host}, port {config.port}: {error.strerror}",
            hint="choose another port; --port 0 takes any free one",
        ) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Give the address under which a bound socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _run(
    config: ServerConfig,
    clock: Clock,
    log: Callable[[str], None],
    door: tuple[socket.socket, Callable[[str], None]],
) -> None:
    listener, ready = door
    desk = Desk.open(config, clock)
    try:
        _refuse_orphans(desk)
    except StateError:
        desk.close()
        raise
    stage = Stage(config.scenario, config.seed or 0, log)
    conductor = Conductor(config, stage, desk.clock, clock, log)
    application = build(config, desk, stage, conductor.wake, log)
    server = _Server(_uvicorn_config(application), lambda: ready(url_of(listener)))
    loop = asyncio.get_running_loop()
    pool = ThreadPoolExecutor(1, thread_name_prefix="conductor", initializer=leave_to_others)
    try:
        with _log_of_uvicorn(log), _signals(loop, server):
            conducting = pool.submit(conductor.run)
            conducting.add_done_callback(lambda done: _stop_if_broken(done, loop, server))
            await server.serve(sockets=[listener])
            conductor.stop()
            await asyncio.wrap_future(conducting)
    finally:
        conductor.stop()
        pool.shutdown()
        await desk.disconnect()
        desk.close()


def _refuse_orphans(desk: Desk) -> None:
    """Refuse to start without a model server where batches wait for one: nothing else may answer them."""
    queued = [desk.engine.find(batch.engine_key) for batch in desk.records.open_batches()]
    waiting = [one for one in queued if one is not None and not one.has_ended and is_live(one.settings)]
    if waiting and desk.config.backend is None:
        raise StateError(
            f"{len(waiting)} unfinished batch(es) here were begun by a model server, and none is named",
            where=str(desk.config.data_dir),
            hint="start with --backend URL; a batch can be cancelled there, too",
        )


def _stop_if_broken(conducting: Future[None], loop: asyncio.AbstractEventLoop, server: _Server) -> None:
    """End a server whose batches nobody moves any more; what broke is raised where it is waited for."""
    if not conducting.cancelled() and conducting.exception() is not None:
        loop.call_soon_threadsafe(server.ask_to_stop)


class _Server(uvicorn.Server):
    """uvicorn's server, with signals in our hands: a stop that was asked for is no failure."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `_signals`."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then tell."""
        await super().startup(sockets)
        self._on_ready()

    def ask_to_stop(self) -> None:
        """Let running requests end; asked again: do not wait for them."""
        self.force_exit = self.should_exit
        self.should_exit = True


def _uvicorn_config(app: Callable[..., object]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=protocol_with(Door()),
        ws="none",
        loop="asyncio",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACE,
        limit_concurrency=_MOST_CONNECTIONS,
        h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
    )


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, server: _Server) -> Iterator[None]:
    taken = [number for number in _STOPPING if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.getsignal(number) for number in taken}
    for number in taken:
        loop.add_signal_handler(number, server.ask_to_stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


class _OneLine(logging.Handler):
    """Passes on what uvicorn has to say, a line each and never a trace."""

    def __init__(self, log: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self._log(record.getMessage().partition("\n")[0])


@contextlib.contextmanager
def _log_of_uvicorn(log: Callable[[str], None]) -> Iterator[None]:
    logger, handler = logging.getLogger("uvicorn"), _OneLine(log)
    logger.addHandler(handler)
    before, logger.propagate = logger.propagate, False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = before
