"""Running models beside the event loop, for a limited time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from batch_cli.clock import Clock
from batch_cli.local_models.models import Model, ModelFault, Values
from batch_cli.model import JsonValue

SLOTS = 8
"""Calls that run at a time; each has a thread."""
LIMIT = 30.0
"""Seconds for a request that names no limit. Source: KolosalAI/torch-inference, per-item timeout (August 2025)."""
LONGEST = 600.0
"""The most seconds a request may ask for."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one input."""

    values: Values | None
    """None if it failed."""
    fault: str
    """Why it failed; empty if it did not."""
    seconds: float


class Runner:
    """Gives models their inputs, in daemon threads: one that hangs keeps its slot but not the server.

    Python cannot stop a thread. A request whose time is over is answered, its remaining inputs are never
    begun, and the thread ends with the call it is in.
    """

    def __init__(self, clock: Clock) -> None:
        """Measure by ``clock``; time limits go by the event loop's own."""
        self._clock = clock
        self._slots = asyncio.Semaphore(SLOTS)

    async def run(self, model: Model, inputs: Sequence[JsonValue], *, limit: float = LIMIT) -> list[Outcome]:
        """Give one outcome for each of ``inputs``, in their order, computed one after the other.

        Raises:
            TimeoutError: that took more than ``limit`` seconds, the wait for a slot included.
        """
        async with asyncio.timeout(min(limit, LONGEST)):
            await self._slots.acquire()
            loop = asyncio.get_running_loop()
            done: asyncio.Future[list[Outcome]] = loop.create_future()

            def finish(outcomes: list[Outcome]) -> None:
                self._slots.release()
                if not done.done():
                    done.set_result(outcomes)

            def work() -> None:
                outcomes = []
                for value in inputs:
                    if done.done():  # nobody waits any more
                        break
                    outcomes.append(self._predict(model, value))
                with contextlib.suppress(RuntimeError):  # the server stopped meanwhile
                    loop.call_soon_threadsafe(finish, outcomes)

            threading.Thread(target=work, name="prediction", daemon=True).start()
            return await done

    def _predict(self, model: Model, value: JsonValue) -> Outcome:
        begin = self._clock.monotonic()
        try:
            values, fault = model.predict(value), ""
        except ModelFault as error:
            values, fault = None, str(error)
        return Outcome(values, fault, self._clock.monotonic() - begin)
