"""The server's own time, which may run faster than the machine's."""

from __future__ import annotations

from batch_cli.clock import Clock


class FastClock:
    """Seconds since 1970 as the clients of this server see them."""

    def __init__(self, clock: Clock, start: float, speed: float) -> None:
        """Show ``start`` now, and go on ``speed`` times as fast as ``clock``."""
        self._clock, self._start, self._speed = clock, start, speed
        self._began = clock.now()

    def now(self) -> float:
        """Give the server's time."""
        return self._start + (self._clock.now() - self._began) * self._speed
