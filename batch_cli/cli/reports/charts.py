"""Charts as SVG within a page: plain shapes with titles that are read aloud; classes instead of styles."""

from __future__ import annotations

import itertools
from html import escape

from batch_cli.cli.reports.number import number
from batch_cli.histogram import Histogram

_WIDTH, _HEIGHT = 800, 240
_FOOT, _TOP = 34, 16
_MOST_LABELS = 8


def outcome_chart(ok: int, failed: int, missing: int) -> str:
    """Draw good, failed and missing rows as the parts of one bar, each with its name under it."""
    parts = [("good", "ok", ok), ("failed", "bad", failed), ("missing", "gone", missing)]
    total = ok + failed + missing
    words = ", ".join(f"{count:,} {name}" for name, _, count in parts)
    shapes, left, at = [], 0.0, 0
    for name, style, count in parts:
        if not count:
            continue
        width = _WIDTH * count / total
        shapes.append(
            f'<rect class="{style}" x="{left:.1f}" y="0" width="{max(width, 1):.1f}" height="22"'
            f"><title>{count:,} {name}</title></rect>"
            f'<rect class="{style}" x="{at}" y="32" width="10" height="10"/>'
            f'<text x="{at + 16}" y="41">{name} {100 * count / total:.3g} %</text>'
        )
        left += width
        at += 150
    return _svg(f"Outcome: {words}", 48, "".join(shapes))


def share_chart(count: int, most: int) -> str:
    """Draw one number beside the largest of its kind."""
    bar = f'<rect class="bar" x="0" y="3" width="{max(120 * count / most, 1):.1f}" height="10"/>'
    return (
        f'<svg viewBox="0 0 120 16" role="img" aria-label="{count:,} rows"><title>{count:,} rows</title>'
        f"{bar}</svg>"
    )


def histogram_chart(title: str, what: str, histogram: Histogram, unit: str) -> str:
    """Draw the bars of a distribution with what they count; each bar names its range and number."""
    bars = histogram.bars()
    most = max(bar.count for bar in bars)
    step, room = _WIDTH / len(bars), _HEIGHT - _FOOT - _TOP
    shapes = [f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{_HEIGHT - _FOOT}" y2="{_HEIGHT - _FOOT}"/>']
    labelled = itertools.cycle(range(-(-len(bars) // _MOST_LABELS)))
    for at, (bar, label) in enumerate(zip(bars, labelled, strict=False)):
        height = max(room * bar.count / most, 1) if bar.count else 0
        left = at * step
        span = f"{number(bar.low)} to {number(bar.high)}{unit}" if bar.high else f"0{unit}"
        shapes.append(
            f'<rect class="bar" x="{left + 1:.1f}" y="{_HEIGHT - _FOOT - height:.1f}" width="{step - 2:.1f}"'
            f' height="{height:.1f}"><title>{span}: {bar.count:,} {what}</title></rect>'
        )
        if label == 0:
            shapes.append(
                f'<text x="{left + 1:.1f}" y="{_HEIGHT - _FOOT + 16}">{number(bar.low)}{unit}</text>'
            )
    shapes.append(f'<text x="0" y="11">{most:,} {what} in the highest bar</text>')
    words = f"{title}: {histogram.count:,} {what}, from {number(histogram.smallest)} to {number(histogram.largest)}{unit}"
    return _svg(words, _HEIGHT, "".join(shapes), style="wide")


def _svg(words: str, height: int, shapes: str, style: str = "whole") -> str:
    name = escape(words)
    return f'<svg class="{style}" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{name}"><title>{name}</title>{shapes}</svg>'
