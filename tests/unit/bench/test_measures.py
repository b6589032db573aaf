"""What recordings say: golden cases by hand, and every word of JSON finite whatever a server says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batch_cli.bench import measures
from batch_cli.bench.call import Call, Reply
from batch_cli.bench.runner import Plan, Recording
from batch_cli.jsonl import dumps


def good(
    begin: float,
    end: float,
    *,
    inference: float | None = 10.0,
    inputs: int = 5,
    ok: int = 5,
    mark: bytes = b"a",
    worker: int = 0,
) -> Call:
    return Call(worker, begin, begin, end, Reply(None, inputs, 5, ok, None, inference), 5, mark)


def bad(begin: float, end: float, error: str | None = "broken", worker: int = 0) -> Call:
    return Call(worker, begin, begin, end, Reply(error))


def recorded(*calls: Call, **plan: Any) -> Recording:
    return Recording(
        Plan(**plan), list(calls), began=0.0, ended=max((call.ended for call in calls), default=0.0)
    )


class TestBenchmark:
    def test_the_figures_of_a_known_run(self) -> None:
        # Response times 20, 40, 90 ms, the last of a failure; inference 10 and 25 ms of 5 inputs: 500 and 200 a second.
        found = measures.benchmark(
            recorded(good(0, 0.02), good(0.02, 0.06, inference=25.0), bad(0.06, 0.15), calls=3)
        )

        assert (found["iterations"], found["errors"]) == (3, 1)
        assert found["success_rate"] == pytest.approx(200 / 3)
        assert found["response_times_ms"] == {
            "min": pytest.approx(20),
            "max": pytest.approx(90),
            "avg": pytest.approx(50),
            "median": pytest.approx(40),
            "std_dev": pytest.approx(36.05551275463989),
        }
        assert found["inference_times_ms"] == {
            "min": 10.0,
            "max": 25.0,
            "avg": 17.5,
            "median": 17.5,
            "std_dev": pytest.approx(10.606601717798213),
        }
        assert found["batch_performance"] == {
            "avg_batch_size": 5.0,
            "avg_throughput_predictions_per_sec": 350.0,
            "max_throughput_predictions_per_sec": 500.0,
        }

    def test_percentiles_are_of_good_calls_alone(self) -> None:
        found = measures.benchmark(recorded(good(0, 0.02), bad(0.02, 9)))

        assert found["percentiles_ms"]["p99"] == pytest.approx(20)

    def test_throughput_is_over_the_time_that_really_passed(self) -> None:
        found = measures.benchmark(recorded(good(0, 0.02), good(1.98, 2.0)))

        assert found["throughput"]["calls_per_second"] == pytest.approx(1.0)
        assert found["throughput"]["predictions_per_second"] == pytest.approx(5.0)

    def test_a_missing_inference_time_counts_as_0_and_has_no_throughput(self) -> None:
        found = measures.benchmark(recorded(good(0, 1, inference=None), good(1, 2)))

        assert found["inference_times_ms"]["avg"] == 5.0
        assert found["batch_performance"]["avg_throughput_predictions_per_sec"] == 500.0

    def test_when_all_failed_it_says_so_in_the_specifications_words(self) -> None:
        found = measures.benchmark(recorded(bad(0, 1), bad(1, 2)))

        assert {key: found[key] for key in ("iterations", "errors", "success_rate", "error")} == {
            "iterations": 2,
            "errors": 2,
            "success_rate": 0.0,
            "error": "All requests failed",
        }
        assert "response_times_ms" not in found

    def test_no_call_at_all_is_no_division_by_zero(self) -> None:
        assert measures.benchmark(recorded())["success_rate"] == 0.0


class TestConsistency:
    def test_the_figures_of_a_known_run(self) -> None:
        found = measures.consistency(
            recorded(good(0, 1, ok=5), good(1, 2, ok=4, inference=30.0), bad(2, 3), calls=3)
        )

        assert (found["total_runs"], found["successful_runs"]) == (3, 2)
        rates = found["prediction_consistency"]["success_rates"]
        assert rates == {
            "min": 80.0,
            "max": 100.0,
            "avg": 90.0,
            "std_dev": pytest.approx(14.142135623730951),
        }
        assert found["prediction_consistency"]["prediction_lengths"] == {
            "min": 5,
            "max": 5,
            "avg": 5.0,
            "consistent": True,
        }
        assert found["prediction_consistency"]["deterministic"] is True
        times = found["performance_consistency"]["inference_times_ms"]
        assert times["avg"] == 20.0
        assert times["coefficient_of_variation"] == pytest.approx(70.71067811865476)

    def test_a_single_run_is_deterministic_and_has_no_deviation(self) -> None:
        found = measures.consistency(recorded(good(0, 1)))

        assert found["prediction_consistency"]["deterministic"] is True
        assert found["performance_consistency"]["inference_times_ms"]["coefficient_of_variation"] == 0.0

    def test_one_other_value_is_found_and_shown(self) -> None:
        run = recorded(good(0, 1), good(1, 2, mark=b"b"), good(2, 3))
        run.first, run.other = [[1, 2], [3]], [[1, 2.5], [3]]

        found = measures.consistency(run)["prediction_consistency"]

        assert (found["deterministic"], found["differing_runs"]) == (False, 1)
        assert found["first_difference"] == {"path": "[0][1]", "first": 2, "other": 2.5}

    def test_none_that_succeeded_is_said_in_the_specifications_words(self) -> None:
        assert measures.consistency(recorded(bad(0, 1)))["error"] == "No successful predictions to analyze"


class TestStress:
    def test_the_figures_of_a_known_run(self) -> None:
        found = measures.stress(
            recorded(
                good(0, 0.1, inference=50.0),
                good(0, 0.3, worker=1, inference=0.0),
                bad(0.1, 0.5, "HTTP 500: no"),
                bad(0.3, 0.5, "", worker=1),
                seconds=2.0,
                workers=2,
            )
        )

        assert (found["duration_seconds"], found["concurrent_batches"]) == (2.0, 2)
        assert (found["total_batch_requests"], found["successful_batches"], found["failed_batches"]) == (
            4,
            2,
            2,
        )
        assert found["batches_per_second"] == 2.0  # of all, over the time that was planned
        assert found["throughput"]["calls_per_second"] == 8.0  # over the half second that it took
        assert found["success_rate"] == 50.0
        assert found["performance"] == {
            "avg_response_time_ms": pytest.approx(200),
            "min_response_time_ms": pytest.approx(100),
            "max_response_time_ms": pytest.approx(300),
            "avg_inference_time_ms": 50.0,  # the zero is left out
            "total_predictions_processed": 10,
            "predictions_per_second": 200.0,
        }
        assert found["worker_analysis"]["1"] == {
            "batches": 1,
            "total_predictions": 5,
            "total_time": pytest.approx(300),
        }

    def test_a_failure_without_words_is_an_unknown_error_and_never_a_null_key(self) -> None:
        found = measures.stress(recorded(bad(0, 1, ""), seconds=1.0))

        assert found["error_analysis"] == {"Unknown error": 1}

    def test_nothing_is_no_division_by_zero(self) -> None:
        found = measures.stress(recorded(seconds=60.0, workers=2))

        assert found["success_rate"] == 0.0
        assert found["performance"]["predictions_per_second"] == 0.0


class TestCompare:
    def test_the_figures_of_a_known_run(self) -> None:
        # Batches take 10 and 30 ms, five single calls 80 ms together.
        found = measures.compare(recorded(good(0, 0.01), good(1, 1.03)), recorded(good(0, 0.08)), 5)

        assert found["batch_performance"]["avg_time_ms"] == pytest.approx(20)
        assert found["batch_performance"]["avg_throughput_predictions_per_sec"] == pytest.approx(1000 / 3)
        assert found["individual_performance"]["avg_individual_time_ms"] == pytest.approx(16)
        assert found["efficiency"] == {
            "batch_speedup": pytest.approx(4.0),
            "time_savings_ms": pytest.approx(60),
            "time_savings_percentage": pytest.approx(75),
        }

    def test_without_a_success_on_both_sides_there_is_no_efficiency(self) -> None:
        found = measures.compare(recorded(good(0, 1)), recorded(bad(0, 1, "HTTP 500: no")), 5)

        assert "efficiency" not in found
        assert found["individual_performance"]["failed_runs"] == 1
        assert found["error_analysis"] == {"HTTP 500: no": 1}


REPLIES = st.builds(
    Reply,
    error=st.sampled_from([None, None, "broken", ""]),
    inputs=st.integers(0, 10**12),
    batch_size=st.integers(0, 10**12),
    successful=st.integers(0, 10**12),
    predictions=st.none(),
    inference_ms=st.none() | st.floats(min_value=0, max_value=1e12),
    reached=st.just(True),
)
CALLS = st.builds(
    lambda worker, begin, seconds, reply: Call(worker, begin, begin, begin + seconds, reply),
    st.integers(0, 3),
    st.floats(0, 1e6),
    st.floats(0, 1e6),
    REPLIES,
)


@given(st.lists(CALLS, max_size=30))
@example([Call(0, 0.0, 0.0, 1e-311, Reply(inputs=2, batch_size=2, successful=2))])
@example([Call(0, 0.0, 0.0, 1.0, Reply()), Call(0, 0.0, 0.0, 5e-324, Reply())])
def test_no_measure_ever_holds_nan_an_infinity_or_a_key_that_is_no_text(calls: list[Call]) -> None:
    run = recorded(*calls, seconds=60.0, workers=4)

    for facts in (
        measures.benchmark(run),
        measures.consistency(run),
        measures.stress(run),
        measures.compare(run, run, 5),
    ):
        assert json.loads(dumps(facts)) == json.loads(json.dumps(facts, allow_nan=False))


@given(st.lists(CALLS, max_size=30))
def test_every_call_is_counted_once(calls: list[Call]) -> None:
    found = measures.stress(recorded(*calls, seconds=60.0, workers=4))

    assert found["successful_batches"] + found["failed_batches"] == len(calls)
    assert sum(found["error_analysis"].values()) == found["failed_batches"]
    assert sum(each["batches"] for each in found["worker_analysis"].values()) == found["successful_batches"]
