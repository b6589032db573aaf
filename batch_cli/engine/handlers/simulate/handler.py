"""The simulated model: a deterministic, rule-based stand-in that needs no key and no network.

It answers the bodies of every wire in their own shapes, says in each answer that it is simulated, and gives the
same bytes for the same request, always. Failures are part of it: a seeded share of the requests can be answered
with the errors that real services give.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from batch_cli.engine.handlers.simulate.answering import BadRequest, Wire
from batch_cli.engine.handlers.simulate.anthropic import ANTHROPIC
from batch_cli.engine.handlers.simulate.google import GOOGLE
from batch_cli.engine.handlers.simulate.google import URL as GOOGLE_URL
from batch_cli.engine.handlers.simulate.luck import luck
from batch_cli.engine.handlers.simulate.openai import OPENAI
from batch_cli.engine.handlers.simulate.values import Unfillable
from batch_cli.engine.reply import Call, Reply, broken_reply
from batch_cli.engine.time_limit import TimeIsOver, TimeLimit
from batch_cli.model import MESSAGES, JsonObject

_GROUP = 64
_MOST_SECONDS = 5.0
"""Processor time for one request: a schema's pattern can keep a regular expression busy for ever."""
_LONGEST_STRETCH = 0.1
"""Seconds after which a group of requests lets other work of this process go on."""
_FAILURES = (
    (429, "rate_limit_exceeded", "Rate limit reached (simulated)."),
    (500, "server_error", "The server had an error (simulated)."),
    (503, "overloaded", "The model is overloaded (simulated)."),
)


@dataclass(frozen=True, slots=True)
class Simulation:
    """How the simulated model behaves; part of a batch's options."""

    error_rate: float = 0.0
    """Share of the requests that fail, 0 to 1."""
    latency: float = 0.0
    """Seconds each request takes."""
    seed: int = 0
    """Which requests fail: another seed, other ones."""

    @classmethod
    def from_settings(cls, settings: JsonObject) -> Simulation:
        """Read what `settings` wrote."""
        return cls(
            float(settings.get("error_rate", 0)),
            float(settings.get("latency", 0)),
            int(settings.get("seed", 0)),
        )

    def settings(self) -> JsonObject:
        """Give it as JSON, for storing with a batch."""
        return {"error_rate": self.error_rate, "latency": self.latency, "seed": self.seed}


class Simulate:
    """The handler: a group of calls in, one reply for each, in order."""

    def __init__(
        self,
        simulation: Simulation,
        sleep: Callable[[float], Awaitable[None]],
        *,
        most_seconds: float = _MOST_SECONDS,
    ) -> None:
        """Take how to behave, how to wait, and how long one request may compute."""
        self._simulation = simulation
        self._sleep = sleep
        self._most_seconds = most_seconds
        self._time_limit = TimeLimit(most_seconds)
        self.is_cpu_bound = simulation.latency <= 0
        self.max_batch = _GROUP if self.is_cpu_bound else 1

    async def __call__(self, calls: Sequence[Call]) -> list[Reply]:
        """Answer every call; whatever a request holds, nothing is raised."""
        if self._simulation.latency > 0:
            await self._sleep(self._simulation.latency)
        replies = []
        next_pause = time.monotonic() + _LONGEST_STRETCH
        for call in calls:
            replies.append(self._answer(call))
            if time.monotonic() > next_pause:  # whoever waits for a signal or a lease must get a turn
                await self._sleep(0)
                next_pause = time.monotonic() + _LONGEST_STRETCH
        return replies

    def _answer(self, call: Call) -> Reply:
        """Answer one call; one that breaks the rules, or takes too long, harms no other."""
        wire = _wire_of(call.url)
        try:
            with self._time_limit:
                return self._answer_in_time(wire, call)
        except TimeIsOver:
            message = f"The simulated model works {self._most_seconds:g} s at one request at most."
            return wire.refuse(400, "request_too_complex", message)
        except Exception as error:  # noqa: BLE001 - our bug, told in its own row
            return broken_reply(error)

    def _answer_in_time(self, wire: Wire, call: Call) -> Reply:
        failure = self._failure(call.custom_id)
        if failure is not None:
            return wire.refuse(*failure)
        body = call.body if isinstance(call.body, dict) else {}
        answer = wire.answer_of(call.url)
        if answer is None:
            return wire.refuse(404, "unknown_url", f"The simulated model has no {call.url[:64]}.")
        try:
            return Reply(200, answer(body, _mark(call.custom_id)))
        except BadRequest as error:
            return wire.refuse(400, "invalid_request_error", str(error))
        except Unfillable as error:
            message = f"The simulated model cannot answer this schema: {error}"
            return wire.refuse(400, "invalid_json_schema", message)

    def _failure(self, custom_id: str) -> tuple[int, str, str] | None:
        if self._simulation.error_rate <= 0:
            return None
        value, how = luck(self._simulation.seed, custom_id)
        return _FAILURES[how % len(_FAILURES)] if value < self._simulation.error_rate else None


def _wire_of(url: str) -> Wire:
    """Tell by its url whose words a request speaks; an unknown url is refused in OpenAI's."""
    if GOOGLE_URL.fullmatch(url):
        return GOOGLE
    return ANTHROPIC if url.startswith(MESSAGES) else OPENAI


def _mark(custom_id: str) -> str:
    return blake2b(custom_id.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
