"""The connection to a Ray cluster; ray is imported here alone."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from batch_cli.engine.cluster.actor import SWITCH_SECONDS, Answerer, Given, Job
from batch_cli.errors import ConfigError, Temporary, quoted

if TYPE_CHECKING:
    from types import ModuleType

_AT_ONCE = 1_000
"""Calls that one actor may have open: `give` is always one of them."""
_KNOCK_SECONDS = 10.0
_STORE_BYTES = 100 << 20
"""Ray's own memory for large objects, where it is started here; rows are small and do not go there."""
_START_IT = "start it with 'ray start --head', or leave out --ray-address to use this machine"
_NOT_OURS = (
    "use ray's version there; where the cluster has a token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN"
)


class Lost(Exception):
    """The process that worked at these rows is gone, or cannot be reached."""


def _knock(address: str) -> None:
    """Fail at once where nobody listens: ray itself would try for minutes.

    Raises:
        Temporary: nobody listens.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():  # a word such as auto
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, error, _START_IT) from error


def _unreachable(address: str, error: Exception, hint: str) -> Temporary:
    return Temporary(
        f"no Ray cluster answers at {quoted(address)}",
        where=str(error).strip().partition("\n")[0][:300],
        hint=hint,
    )


@contextmanager
def _unheard() -> Iterator[None]:
    """Let nobody hear what ray's compiled parts write to our streams, and the processes that they start here.

    What goes wrong is raised, too.
    """
    kept = {}
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for stream in (1, 2):
            with suppress(OSError):  # it is closed
                kept[stream] = os.dup(stream)
                os.dup2(nowhere, stream)
        yield
    finally:
        os.close(nowhere)
        for stream, copy in kept.items():
            os.dup2(copy, stream)
            os.close(copy)


class Node:
    """An `Answerer` somewhere in the cluster. Every method raises `Lost` when it is gone."""

    def __init__(self, ray: ModuleType, actor: Any) -> None:
        """Take a running actor."""
        self._ray, self._actor = ray, actor

    async def open(self, job: Job) -> int:
        """Do what `Answerer.open` says."""
        return int(await self._call(self._actor.open.remote(job)))

    async def take(self, rows: Mapping[int, bytes]) -> None:
        """Do what `Answerer.take` says."""
        await self._call(self._actor.take.remote(rows))

    async def give(self) -> Given:
        """Do what `Answerer.give` says."""
        found: Given = await self._call(self._actor.give.remote())
        return found

    async def stop(self) -> None:
        """Do what `Answerer.stop` says."""
        await self._call(self._actor.stop.remote())

    def kill(self) -> None:
        """End it."""
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(self._actor)

    async def _call(self, reference: Any) -> Any:
        try:
            return await reference
        except self._ray.exceptions.RayActorError as error:
            raise Lost(str(error).partition("\n")[0]) from error


class Cluster:
    """A Ray cluster that this process is connected to."""

    def __init__(self, address: str | None) -> None:
        """Connect to the cluster at ``address``; None starts one on this machine, for the life of this object.

        Raises:
            ConfigError: ray is not installed.
            Temporary: nobody answers at the address.
        """
        if address is not None:
            _knock(address)
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read at its import: nothing is reported
        try:
            import ray  # noqa: PLC0415 - 2 s
        except ImportError as error:
            raise ConfigError(
                "--executor ray needs ray, which is not installed", hint="pip install 'batch-cli[ray]'"
            ) from error
        self._ray = ray
        logging.getLogger("ray").setLevel(logging.ERROR)  # the rest is about its own workings
        sys.setswitchinterval(SWITCH_SECONDS)
        before = signal.getsignal(signal.SIGTERM)
        here = {"include_dashboard": False, "object_store_memory": _STORE_BYTES} if address is None else {}
        try:
            with _unheard():
                ray.init(
                    address or "local",
                    log_to_driver=False,
                    logging_level="ERROR",
                    configure_logging=False,
                    **here,
                )
        except (ConnectionError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
            raise _unreachable(address or "local", error, _NOT_OURS if address else _START_IT) from error
        finally:
            signal.signal(signal.SIGTERM, before)  # ray sets its own, which would end us without a word
        self._actor = ray.remote(num_cpus=1, max_concurrency=_AT_ONCE)(Answerer)

    @property
    def processors(self) -> int:
        """How many actors can run at once; at least one."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def start(self) -> Node:
        """Start an actor wherever there is room; it waits until there is."""
        return Node(self._ray, self._actor.remote())

    def close(self) -> None:
        """Let go of the cluster; one that was started here ends."""
        self._ray.shutdown()
