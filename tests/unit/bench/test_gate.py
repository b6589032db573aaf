"""Gates: what they read, when they fail, and how sure they have to be."""

from __future__ import annotations

import random

import pytest

from batch_cli.bench.gate import Gate, Run, interval
from batch_cli.errors import UsageError


def times(count: int, factor: float = 1.0, seed: int = 1) -> list[float]:
    chance = random.Random(seed)
    return [factor * chance.lognormvariate(3, 0.2) for _ in range(count)]


@pytest.mark.parametrize(
    ("text", "fails"),
    [
        ("p50>2ms", False),
        ("p50>1ms", True),
        ("max>0.003s", False),
        ("max>2.9ms", True),
        ("avg<2.1ms", True),
        ("errors>1%", True),
        ("errors>2%", False),
        ("rps<100", True),
        ("rps<99", False),
    ],
)
def test_a_gate_without_a_baseline_compares_a_figure(text: str, fails: bool) -> None:
    run = Run([1.0, 2.0, 3.0], errors_percent=1.5, calls_per_second=99.5)

    assert Gate.parse(text).judge(run, None).failed is fails


@pytest.mark.parametrize(
    "text",
    ["", "p99", "p98>1ms", "p99>5", "p99>+5ms", "errors>5", "errors>+5%", "rps>5%", "max>+5%", "p99>>1ms"],
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no condition"):
        Gate.parse(text)


def test_a_gate_that_compares_needs_a_baseline() -> None:
    with pytest.raises(UsageError, match="there is no --baseline"):
        Gate.parse("p99>+10%").judge(Run([1.0]), None)


def test_no_good_call_fails_a_gate_on_times() -> None:
    assert Gate.parse("p99>500ms").judge(Run([]), None).failed


def test_too_few_calls_fail_a_comparison_with_words() -> None:
    verdict = Gate.parse("p50>+10%").judge(Run([1.0] * 9), Run([1.0] * 100))

    assert verdict.failed
    assert "at least 10" in verdict.why


@pytest.mark.parametrize("metric", ["p50", "p90", "avg"])
def test_a_slowdown_of_ten_per_cent_fails_and_noise_of_three_does_not(metric: str) -> None:
    gate = Gate.parse(f"{metric}>+5%")
    for seed in range(20):
        baseline = Run(times(2000, seed=seed))
        noisy = random.Random(seed).uniform(0.97, 1.03)
        slow = Run(times(2000, 1.10 * random.Random(seed).uniform(1.0, 1.01), seed=seed + 100))

        assert gate.judge(slow, baseline).failed
        assert not gate.judge(Run(times(2000, noisy, seed=seed + 200)), baseline).failed


def test_a_change_that_may_be_chance_passes_and_says_so() -> None:
    verdict = Gate.parse("p99>+1%").judge(Run(times(60, 1.05, seed=2)), Run(times(60, seed=1)))

    assert not verdict.failed or verdict.low_percent is not None
    assert verdict.low_percent is not None
    assert verdict.high_percent is not None
    assert verdict.low_percent < verdict.high_percent


def test_a_gate_below_fails_when_it_got_faster() -> None:
    gate = Gate.parse("p50<-20%")

    assert gate.judge(Run(times(500, 0.5)), Run(times(500))).failed
    assert not gate.judge(Run(times(500)), Run(times(500))).failed


@pytest.mark.parametrize("metric", ["p50", "p99", "avg"])
def test_the_interval_holds_the_true_change_about_ninety_five_times_of_a_hundred(metric: str) -> None:
    hits = 0
    for seed in range(100):
        low, high = interval(times(300, seed=seed), times(300, 1.2, seed=seed + 1000), metric)
        hits += low <= 20 <= high

    assert 85 <= hits <= 100


def test_the_interval_of_a_percentile_is_that_of_a_bootstrap_by_hand() -> None:
    before, after = times(200, seed=5), times(200, 1.1, seed=6)
    chance = random.Random(7)
    changes = []
    for _ in range(2000):
        one = sorted(chance.choices(before, k=200))[179]
        two = sorted(chance.choices(after, k=200))[179]
        changes.append((two / one - 1) * 100)
    changes.sort()

    low, high = interval(before, after, "p90")

    assert low == pytest.approx(changes[50], abs=3)
    assert high == pytest.approx(changes[1949], abs=3)


def test_the_same_runs_give_the_same_verdict() -> None:
    before, after = times(100), times(100, 1.1, seed=9)

    assert interval(before, after, "avg") == interval(before, after, "avg")
