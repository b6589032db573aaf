"""What the core tells whoever runs it while it works: progress and notes. The core itself never prints."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass


class Phase(enum.StrEnum):
    """The part of a job that progress is reported for."""

    CHECK = "check"
    STAGE = "stage"
    RUN = "run"
    RESULTS = "results"


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """How requests fare that are asked one by one, since this process began."""

    in_flight: int
    tokens: int
    saved: int
    """Requests that needed not be sent, because the same had been answered."""
    saved_tokens: int
    p50: float | None
    """Seconds that half of the latest answers took at most; None before the first."""
    p95: float | None
    away: float | None = None
    """Seconds for which no server has been there, or had room; None: one is."""
    dollars: float | None = None
    """What the answers cost, about; None where the price is not known."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a phase has come. Sent often: at most one per group of requests, never one per request."""

    phase: Phase
    done: int
    total: int | None
    """None while the end is not known yet."""
    failed: int = 0
    unit: str = "requests"
    live: LiveFigures | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence for the person at the terminal: a decision taken, something odd that was tolerated."""

    text: str
    warning: bool = False
    hint: str | None = None
    detail: bool = False
    """True for what only a person who asked for more (``-v``) wants to read."""


Event = Progress | Note
Listener = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """Listen to nothing."""
