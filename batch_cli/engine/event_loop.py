"""The event loop that workers use: uvloop's where it is installed (the extra ``fast``), else Python's own."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable


def fastest() -> Callable[[], asyncio.AbstractEventLoop]:
    """Give what makes an event loop."""
    try:
        found: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module("uvloop").new_event_loop
    except ImportError:
        return asyncio.new_event_loop
    return found
