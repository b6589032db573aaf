"""A measured number as people read it."""

from __future__ import annotations

_THREE_DIGITS = 100


def number(value: float) -> str:
    """Write it with three digits or all before the point: ``0.0123``, ``4.5``, ``1,234``."""
    return f"{value:,.0f}" if value >= _THREE_DIGITS or value == int(value) else f"{value:.3g}"
