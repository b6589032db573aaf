"""The page of a report: nothing in it runs or comes from elsewhere, and every chart is there."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_cli.bench import measures
from batch_cli.bench.call import Call, Reply
from batch_cli.bench.charts import number, ticks
from batch_cli.bench.page import page
from batch_cli.bench.runner import Plan, Recording

HOSTILE = '</title><script>alert(1)</script><img src=x onerror="alert(1)">\u202e&amp;'


class Reading(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "line"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def recording(count: int = 30, error: str | None = None) -> Recording:
    calls = [
        Call(
            at % 2, at / 10, at / 10, at / 10 + 0.01 * (at % 7 + 1), Reply(None, 5, 5, 5, None, 2.0), 5, b"a"
        )
        for at in range(count)
    ]
    if error is not None:
        calls.append(Call(0, 9.0, 9.0, 9.1, Reply(error)))
    return Recording(Plan(workers=2, seconds=3.0), calls, began=0.0, ended=9.1)


def facts(mode: str, run: Recording, **more: Any) -> Any:
    formula: Any = {
        "benchmark": measures.benchmark,
        "consistency": measures.consistency,
        "stress": measures.stress,
    }
    found = {"by_batch_size": [measures.compare(run, run, 5)]} if mode == "compare" else formula[mode](run)
    about = {"mode": mode, "target": "http://x", "started_at": "2026-11-21T00:00:00Z", "gates": []}
    return {**about, "interrupted": False, **found, **more}


@pytest.mark.parametrize(
    ("mode", "charts"), [("benchmark", 2), ("consistency", 3), ("stress", 3), ("compare", 1)]
)
def test_every_mode_has_its_charts_and_is_well_formed(mode: str, charts: int) -> None:
    run = recording(error="broken")
    read = Reading()

    read.feed(page("Benchmark Results", facts(mode, run), [run]))

    assert read.open == []
    assert read.tags.count("svg") == charts
    assert dict(read.attributes)["lang"] == "en"


def test_nothing_in_it_runs_or_comes_from_elsewhere_whatever_a_server_said() -> None:
    run = recording(error=HOSTILE)
    gates = [{"gate": HOSTILE, "failed": True, "why": HOSTILE}]
    text = page(HOSTILE, facts("stress", run, target=HOSTILE, gates=gates), [run])
    read = Reading()
    read.feed(text)

    assert not {"script", "img", "link", "iframe", "object"} & set(read.tags)
    assert not [name for name, _ in read.attributes if name.startswith("on") or name in ("src", "href")]
    assert "default-src &#x27;none&#x27;" in text
    assert not re.findall(r"url\(|@import|https?://(?!x)", text)


@pytest.mark.parametrize("mode", ["benchmark", "consistency", "stress", "compare"])
@pytest.mark.parametrize("count", [0, 1])
def test_a_run_without_a_good_call_or_with_one_is_a_page(mode: str, count: int) -> None:
    run = recording(count, error="broken")

    assert "<h2>Errors</h2>" in page("x", facts(mode, run), [run])


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_an_axis_ends_at_or_above_the_highest_value_and_not_far_above(highest: float) -> None:
    values = ticks(highest)

    assert values[0] == 0
    assert 2 <= len(values) <= 6
    assert highest * 0.999999 <= values[-1] <= highest * 1.7


@pytest.mark.parametrize(
    ("highest", "values"),
    [(47, [0, 10, 20, 30, 40, 50]), (5, [0, 1, 2, 3, 4, 5]), (0, [0, 1]), (21.5, [0, 5, 10, 15, 20, 25])],
)
def test_the_steps_of_an_axis_are_round(highest: float, values: list[float]) -> None:
    assert ticks(highest) == values


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1234, "1,234"), (0.12345, "0.123"), (12.345, "12.3"), (1234.5, "1,234")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text
