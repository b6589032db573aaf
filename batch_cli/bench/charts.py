"""Charts as inline SVG: bars and lines that need no script, no font and no network, and tell readers of text the same.

Colours are classes of the page around them, so that they follow its light or dark scheme. Every text is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 720, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 12, 40
_STEPS = 5
_ROW = 30
_NAME_WIDTH, _VALUE_WIDTH = 180, 110


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart: its name, its points, the class of its colour."""

    name: str
    points: Sequence[tuple[float, float]]
    style: str


def columns(title: str, bins: Sequence[tuple[str, float]], x_name: str, y_name: str) -> str:
    """Give a chart of upright bars that touch, as of a distribution; ``bins`` are their names and heights."""
    axis = ticks(max((value for _, value in bins), default=0))
    width = (_WIDTH - _LEFT - _RIGHT) / max(len(bins), 1)
    parts = [_axes(axis, y_name, x_name)]
    for at, (name, value) in enumerate(bins):
        height = (_HEIGHT - _TOP - _BOTTOM) * value / axis[-1]
        x, y = _LEFT + width * at, _HEIGHT - _BOTTOM - height
        parts.append(
            f'<rect class="one" x="{x + 0.5:.1f}" y="{y:.1f}" width="{max(width - 1, 0.5):.1f}" height="{height:.1f}">'
            f"<title>{escape(name)}: {number(value)}</title></rect>"
        )
    if bins:
        y, last = _HEIGHT - _BOTTOM + 16, len(bins) - 1
        parts.append(_text(_LEFT, y, bins[0][0]))
        parts.append(
            _text(_LEFT + width * (last / 2 + 0.5), y, bins[last // 2][0] if last > 1 else "", "middle")
        )
        parts.append(_text(_WIDTH - _RIGHT, y, bins[last][0] if last else "", "end"))
    return _svg(title, _HEIGHT, parts)


def lines(title: str, given: Sequence[Line], x_name: str, y_name: str) -> str:
    """Give a chart of lines over one axis, which begins at 0, with their names beneath."""
    points = [point for line in given for point in line.points]
    x_span = max((x for x, _ in points), default=0.0) or 1.0
    axis = ticks(max((y for _, y in points), default=0.0))
    parts = [_axes(axis, y_name, x_name)]
    for line in given:
        path = " ".join(
            f"{_LEFT + x / x_span * (_WIDTH - _LEFT - _RIGHT):.1f},"
            f"{_HEIGHT - _BOTTOM - y / axis[-1] * (_HEIGHT - _TOP - _BOTTOM):.1f}"
            for x, y in line.points
        )
        parts.append(f'<polyline class="line {line.style}" points="{path}"/>')
        if len(line.points) == 1:
            left, top = path.split(",")
            parts.append(f'<circle class="{line.style}" cx="{left}" cy="{top}" r="3"/>')
    parts.append(_text(_LEFT, _HEIGHT - _BOTTOM + 16, "0"))
    parts.append(_text(_WIDTH - _RIGHT, _HEIGHT - _BOTTOM + 16, number(x_span), "end"))
    for at, line in enumerate(given):
        x, y = _WIDTH - _RIGHT - 110 * (len(given) - at), _HEIGHT - 6
        parts.append(f'<rect class="{line.style}" x="{x}" y="{y - 9}" width="10" height="10"/>')
        parts.append(_text(x + 15, y, line.name))
    return _svg(title, _HEIGHT, parts)


def bars(title: str, rows: Sequence[tuple[str, float, str]], unit: str = "") -> str:
    """Give lying bars: a name, a value and the class of its colour for each."""
    highest = max((value for _, value, _ in rows), default=0) or 1
    room = _WIDTH - _NAME_WIDTH - _VALUE_WIDTH
    parts = []
    for at, (name, value, style) in enumerate(rows):
        y, width = at * _ROW + 4, max(room * value / highest, 1)
        parts.append(_text(_NAME_WIDTH - 8, y + 16, _short(name), "end"))
        parts.append(
            f'<rect class="{style}" x="{_NAME_WIDTH}" y="{y}" width="{width:.1f}" height="{_ROW - 8}" rx="2"/>'
        )
        parts.append(_text(_NAME_WIDTH + width + 8, y + 16, f"{number(value)}{unit}"))
    return _svg(title, len(rows) * _ROW + 4, parts)


def ticks(highest: float) -> list[float]:
    """Give the values of an axis from 0 to at least ``highest``: at most six, in steps of 1, 2 or 5 of a power of ten."""
    if highest <= 0:
        return [0.0, 1.0]
    power = 10.0 ** math.floor(math.log10(highest / _STEPS))
    step = next((power * each for each in (1, 2, 5) if power * each * _STEPS >= highest), power * 10)
    return [step * at for at in range(math.ceil(round(highest / step, 9)) + 1)]


def number(value: float) -> str:
    """Write a number for people: three digits that mean something, thousands set apart."""
    if value == int(value) and abs(value) < 1e15:  # noqa: PLR2004 - beyond it a float has no ones
        return f"{int(value):,}"
    if abs(value) >= 100:  # noqa: PLR2004 - as said
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _axes(values: Sequence[float], y_name: str, x_name: str) -> str:
    parts = []
    for value in values:
        y = _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * value / values[-1]
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(_LEFT - 6, y + 4, number(value), "end"))
    parts.append(_text(_LEFT, _HEIGHT - 6, f"across: {x_name}, up: {y_name}"))
    return "".join(parts)


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _short(name: str, most: int = 24) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
