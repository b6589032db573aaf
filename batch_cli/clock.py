"""Time, passed in by hand: nothing else in the package asks the machine what time it is or sleeps."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """What the rest of the package knows of time; tests pass one they can move."""

    def now(self) -> float:
        """Give the wall time: seconds since 1970 UTC. It may jump in both directions."""
        ...

    def monotonic(self) -> float:
        """Give seconds that never go back and that all processes share until the next boot."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait ``seconds``; interrupted by signals."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Give the wall time in seconds since 1970 UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Give seconds since some moment before now, the same one for every process until reboot.

        ``CLOCK_MONOTONIC`` on Linux and ``mach_absolute_time`` on macOS are both machine-wide.
        Source: https://docs.python.org/3/library/time.html#time.monotonic (read 2026-11-21).
        """
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait ``seconds``."""
        time.sleep(seconds)


def boot_id() -> str:
    """Give a text that changes with every boot, so that monotonic times are never compared across one.

    Where the kernel offers none (macOS) it is empty: a reboot there only delays a rescue by one lease.
    Source: https://man7.org/linux/man-pages/man5/proc_sys_kernel.5.html (read 2026-11-21).
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def rfc3339(moment: float | None) -> str | None:
    """Write a wall time as ``2026-11-21T05:52:58Z``, or give None for None."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
