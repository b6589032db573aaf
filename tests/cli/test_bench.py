"""`bench`: against a server that answers what a test says, and against our own."""

from __future__ import annotations

import itertools
import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.prediction_server import Asked, PredictionServer, Said, answering
from tests.serving import ServerProcess
from tests.support import start

GOOD: dict[str, Any] = {
    "example": "batch_prediction",
    "input_count": 5,
    "response": {
        "success": True,
        "predictions": [[0.1], [0.2], [0.3], [0.4], [0.5]],
        "inference_time_ms": 2.0,
        "batch_info": {"batch_size": 5, "successful_predictions": 5, "failed_predictions": 0},
    },
}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ServerProcess(tmp_path_factory.mktemp("server")) as running:
        yield running.url


@pytest.fixture
def server() -> Iterator[PredictionServer]:
    with answering(lambda _: Said(GOOD)) as running:
        yield running


class TestConnectivity:
    def test_a_server_that_answers_is_0(self, cli: Cli, ours: str) -> None:
        done = cli("bench", "connectivity", "--base-url", f"{ours}/", "--json")

        assert done.code == 0
        assert (done.json["connected"], done.json["batch_size"]) == (True, 5)

    def test_a_failure_inside_a_200_is_10_with_its_reason(self, cli: Cli) -> None:
        said = {"response": {"success": False, "error": "", "results": []}}
        with answering(lambda _: Said(said)) as server:
            done = cli("bench", "connectivity", "--base-url", server.url)

        assert done.code == 10
        assert "Error: the server gave no reason" in done.out

    @pytest.mark.parametrize(
        ("head", "status"), [(b'{"success": false, "error": ', 200), (b"", 500), (b"", 200)]
    )
    def test_an_error_nested_beyond_reason_is_a_failure(self, cli: Cli, head: bytes, status: int) -> None:
        deep = head + b'[{"message": ' * 480 + b"1" + b"}]" * 480 + (b"}" if head else b"")
        with answering(lambda _: Said(deep, status)) as server:
            done = cli("bench", "connectivity", "--base-url", server.url, "--timeout", "5")

        assert done.code == 10
        assert "Traceback" not in done.err

    def test_nobody_there_is_6_without_a_trace(self, cli: Cli) -> None:
        done = cli("bench", "connectivity", "--base-url", "http://127.0.0.1:1")

        assert done.code == 6
        assert "connection refused" in done.err
        assert "Traceback" not in done.err

    def test_it_sends_an_empty_object_as_json(self, cli: Cli, server: PredictionServer) -> None:
        cli("bench", "connectivity", "--base-url", server.url)

        (asked,) = server.asked
        assert (asked.method, asked.path, asked.body) == ("POST", "/examples/batch", b"{}")
        assert asked.headers["content-type"] == "application/json"

    @pytest.mark.parametrize(
        ("said", "words"),
        [
            (
                Said({"detail": "503: Inference engine not available"}, 500),
                "503: Inference engine not available",
            ),
            (
                Said({"detail": [{"loc": ["body", "inputs"], "msg": "Field required"}]}, 422),
                "inputs: Field required",
            ),
            (Said(b"<html>Login</html>"), "the answer is not JSON"),
            (Said(b"", 302, headers={"location": "http://elsewhere/"}), "HTTP 302"),
            (Said(cut=True), "closed the connection without an answer"),
            (Said([1]), "not a JSON object"),
            (Said({"error": {"message": "\x1b[2Jboom"}}, 429), "HTTP 429: \\x1b[2Jboom"),
        ],
    )
    def test_every_odd_answer_is_one_line_and_10(self, cli: Cli, said: Said, words: str) -> None:
        with answering(lambda _: said) as server:
            done = cli("bench", "connectivity", "--base-url", server.url)

        assert done.code == 10
        assert words in done.out
        assert "\x1b" not in done.out


class TestBenchmark:
    def test_ten_calls_by_default_and_the_keys_of_the_specification(
        self, cli: Cli, server: PredictionServer
    ) -> None:
        done = cli("bench", "--base-url", server.url, "--json")

        facts = done.json
        assert done.code == 0
        assert len(server.asked) == facts["iterations"] == 10
        assert set(facts["response_times_ms"]) == {"min", "max", "avg", "median", "std_dev"}
        assert set(facts["inference_times_ms"]) == {"min", "max", "avg", "median", "std_dev"}
        assert facts["batch_performance"] == {
            "avg_batch_size": 5.0,
            "avg_throughput_predictions_per_sec": 2500.0,
            "max_throughput_predictions_per_sec": 2500.0,
        }
        assert set(facts["percentiles_ms"]) == {"p50", "p75", "p90", "p95", "p99", "p99_9"}

    def test_the_report_has_the_specifications_order_and_rules(
        self, cli: Cli, server: PredictionServer
    ) -> None:
        lines = cli("bench", "--base-url", server.url).out.splitlines()

        assert lines[0] == lines[2] == lines[-1] == "=" * 80
        assert lines[1] == "BENCHMARK RESULTS"
        text = "\n".join(lines)
        wanted = (
            "Iterations: 10\nErrors: 0\nSuccess Rate: 100.0%",
            "Response Times (ms):\n  Min: ",
            "Inference Times (ms):\n  Min: 2.0\n  Max: 2.0\n  Avg: 2.0\n  Median: 2.0\n  Std Dev: 0.0",
            "Batch Performance:\n  Avg Batch Size: 5.0\n  Avg Throughput: 2,500.0",
        )
        places = [text.find(part) for part in wanted]
        assert -1 not in places
        assert places == sorted(places)

    def test_some_failures_are_7_and_all_are_10(self, cli: Cli) -> None:
        numbers = itertools.count()
        with answering(lambda _: Said(GOOD) if next(numbers) % 2 else Said(b"", 500)) as server:
            done = cli("bench", "--base-url", server.url, "--json")
        assert (done.code, done.json["errors"]) == (7, 5)
        assert done.json["error_analysis"] == {"HTTP 500: HTTP status 500 without a reason": 5}

        with answering(lambda _: Said(b"", 500)) as server:
            done = cli("bench", "--base-url", server.url, "--json")
        assert (done.code, done.json["error"]) == (10, "All requests failed")

    def test_no_iterations_are_refused(self, cli: Cli) -> None:
        assert cli("bench", "--iterations", "0").code == 2

    def test_a_call_that_takes_too_long_is_a_failure(self, cli: Cli) -> None:
        with answering(lambda _: Said(GOOD, seconds=1.0)) as server:
            done = cli("bench", "--iterations", "1", "--timeout", "0.1", "--base-url", server.url, "--json")

        assert done.code == 10
        assert done.json["error_analysis"] == {"no whole answer within 0.1 s": 1}

    def test_the_warm_up_does_not_count(self, cli: Cli) -> None:
        numbers = itertools.count()
        with answering(lambda _: Said(GOOD, seconds=0.0 if next(numbers) > 1 else 0.4)) as server:
            done = cli("bench", "--warm-up", "2", "--base-url", server.url, "--json")

        assert len(server.asked) == 12
        assert done.json["iterations"] == 10
        assert done.json["response_times_ms"]["max"] < 400

    def test_a_batch_of_your_own_is_sent(self, cli: Cli, server: PredictionServer, tmp_path: Path) -> None:
        (tmp_path / "in.jsonl").write_text("[1, 2]\n[3, 4]\n")
        cli("bench", "--inputs", "in.jsonl", "--model", "m", "--iterations", "1", "--base-url", server.url)

        (asked,) = server.asked
        assert (asked.path, asked.json) == (
            "/predict/batch",
            {"inputs": [[1, 2], [3, 4]], "model_name": "m"},
        )


class TestConsistency:
    def test_twenty_runs_by_default_that_are_all_the_same(self, cli: Cli, ours: str) -> None:
        done = cli("bench", "consistency", "--base-url", ours, "--json")

        assert (done.code, done.json["total_runs"]) == (0, 20)
        assert done.json["prediction_consistency"]["deterministic"] is True

    def test_one_value_in_a_thousand_that_changes_is_found(self, cli: Cli) -> None:
        numbers = itertools.count()

        def answer(_: Asked) -> Said:
            values = [[float(at)] for at in range(1000)]
            if next(numbers) == 7:
                values[613][0] += 1e-9
            return Said({"response": {"success": True, "predictions": values}})

        with answering(answer) as server:
            done = cli("bench", "consistency", "--base-url", server.url, "--json")

        found = done.json["prediction_consistency"]
        assert done.code == 7
        assert (found["deterministic"], found["differing_runs"]) == (False, 1)
        assert found["first_difference"]["path"] == "[613][0]"

    def test_one_answer_in_a_thousand_that_changes_is_found(self, cli: Cli) -> None:
        numbers = itertools.count()
        other = json.loads(json.dumps(GOOD))
        other["response"]["predictions"][2] = [0.30001]
        with answering(lambda _: Said(other if next(numbers) == 900 else GOOD)) as server:
            done = cli("bench", "consistency", "--iterations", "1000", "--base-url", server.url, "--json")

        assert done.json["prediction_consistency"]["differing_runs"] == 1
        assert done.json["prediction_consistency"]["first_difference"]["path"] == "[2][0]"

    def test_an_answer_nested_beyond_reason_is_a_failure_of_its_call(self, cli: Cli) -> None:
        deep = b'{"success": true, "results": [' + b"[" * 900 + b"1" + b"]" * 900 + b"]}"
        with answering(lambda _: Said(deep)) as server:
            done = cli("bench", "consistency", "--base-url", server.url)

        assert done.code in (0, 10)
        assert "Traceback" not in done.err


class TestStress:
    def test_it_ends_in_time_and_counts_what_the_server_counts(self, cli: Cli) -> None:
        with answering(lambda _: Said(GOOD, seconds=0.01)) as server:
            done = cli(
                "bench", "stress", "--duration", "1", "--concurrent", "4", "--base-url", server.url, "--json"
            )

        assert done.code == 0
        assert 1.0 <= done.json["elapsed_seconds"] < 2.0
        assert done.json["total_batch_requests"] == len(server.asked) > 40
        assert set(done.json["worker_analysis"]) == {"0", "1", "2", "3"}

    def test_calls_that_hang_are_cut_within_a_second_and_counted_once(self, cli: Cli) -> None:
        release = threading.Event()

        def answer(_: Asked) -> Said:
            release.wait(20)
            return Said(GOOD)

        with answering(answer) as server:
            done = cli(
                "bench",
                "stress",
                "--duration",
                "0.5",
                "--concurrent",
                "3",
                "--base-url",
                server.url,
                "--json",
            )
            release.set()

        assert done.code == 10
        assert done.json["elapsed_seconds"] < 0.5 + 1
        assert done.json["total_batch_requests"] == len(server.asked) == 3
        assert done.json["error_analysis"] == {"cut off: no answer when the time was over": 3}

    def test_a_server_that_is_not_there_ends_it_at_once(self, cli: Cli) -> None:
        begin = time.monotonic()

        done = cli("bench", "stress", "--base-url", "http://127.0.0.1:1", "--json")

        assert done.code == 6
        assert time.monotonic() - begin < 5

    def test_with_a_rate_a_pause_of_the_server_is_not_hidden(self, cli: Cli) -> None:
        lock, numbers = threading.Lock(), itertools.count()

        def answer(_: Asked) -> Said:
            with lock:  # one at a time, and the twentieth holds all others up for half a second
                time.sleep(0.5 if next(numbers) == 20 else 0.0)
            return Said(GOOD)

        words = ("--duration", "2", "--rate", "50", "--json")
        with answering(answer) as server:
            done = cli("bench", "stress", "--base-url", server.url, *words)

        # Some 25 of 100 calls should have begun in the pause: the tenth slowest of them waited longer than a third of it.
        assert done.json["percentiles_ms"]["p90"] > 200
        assert done.json["throughput"]["planned_calls_per_second"] == 50.0


class TestCompare:
    def test_a_batch_against_five_single_calls(self, cli: Cli, ours: str) -> None:
        done = cli("bench", "compare", "--iterations", "3", "--base-url", ours, "--json")

        facts = done.json
        assert done.code == 0
        assert set(facts["efficiency"]) == {"batch_speedup", "time_savings_ms", "time_savings_percentage"}
        assert facts["individual_performance"]["successful_runs"] == 3

    def test_the_single_calls_are_of_one_to_five(self, cli: Cli, server: PredictionServer) -> None:
        cli("bench", "compare", "--iterations", "1", "--base-url", server.url)

        assert [asked.json for asked in server.asked if asked.path == "/examples/simple"] == [
            {"input": value} for value in (1, 2, 3, 4, 5)
        ]

    def test_a_single_call_that_fails_fails_its_run(self, cli: Cli) -> None:
        def answer(asked: Asked) -> Said:
            return Said(b"", 500) if asked.body == b'{"input":4}' else Said(GOOD)

        with answering(answer) as server:
            done = cli("bench", "compare", "--iterations", "2", "--base-url", server.url, "--json")

        assert done.code == 10
        assert done.json["individual_performance"]["failed_runs"] == 2
        assert "efficiency" not in done.json

    def test_several_batch_sizes(self, cli: Cli, ours: str) -> None:
        done = cli(
            "bench", "compare", "--batch-sizes", "1,8", "--iterations", "2", "--base-url", ours, "--json"
        )

        assert [one["batch_size"] for one in done.json["by_batch_size"]] == [1, 8]
        assert done.code == 0


class TestOtherTargets:
    def test_models_of_spice(self, cli: Cli, ours: str) -> None:
        done = cli(
            *("bench", "--api", "spice", "--model", "drift", "--model", "failing"),
            *("--base-url", ours, "--json"),
        )

        assert done.code == 0
        assert done.json["batch_performance"]["avg_batch_size"] == 2.0

    def test_a_chat_endpoint(self, cli: Cli, ours: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        done = cli("bench", "--api", "chat", "--model", "gpt-4o-mini", "--base-url", f"{ours}/v1", "--json")

        assert done.code == 0, done.out
        assert done.json["iterations"] == 10

    def test_a_function_without_a_server(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "mine.py").write_text("def double(value):\n    return value * 2\n")
        (tmp_path / "in.json").write_text("[1, 2, 3]")

        done = cli("bench", "--function", "mine.py:double", "--inputs", "in.json", "--json")

        assert done.code == 0
        assert done.json["batch_performance"]["avg_batch_size"] == 3.0

    def test_a_function_that_cannot_be_loaded_is_2(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "mine.py").write_text("raise ValueError('no')\n")

        done = cli("bench", "--function", "mine.py:double")

        assert done.code == 2
        assert "ValueError: no" in done.err


class TestGates:
    def test_a_run_is_saved_and_the_same_server_passes(
        self, cli: Cli, server: PredictionServer, tmp_path: Path
    ) -> None:
        assert cli("bench", "--iterations", "50", "--save", "main.json", "--base-url", server.url).code == 0
        assert len(json.loads((tmp_path / "main.json").read_text())["times_ms"]) == 50

        done = cli(
            *("bench", "--iterations", "50", "--baseline", "main.json", "--base-url", server.url),
            *("--fail-if", "p50>+1000%", "--fail-if", "errors>1%", "--json"),
        )

        assert done.code == 0
        assert [gate["failed"] for gate in done.json["gates"]] == [False, False]

    def test_a_slower_server_is_7_and_says_how_much(self, cli: Cli, server: PredictionServer) -> None:
        cli("bench", "--iterations", "30", "--save", "main.json", "--base-url", server.url)
        with answering(lambda _: Said(GOOD, seconds=0.05)) as slow:
            done = cli(
                *("bench", "--iterations", "30", "--baseline", "main.json", "--base-url", slow.url),
                *("--fail-if", "p50>+10%"),
            )

        assert done.code == 7
        assert "FAIL p50>+10%: p50 " in done.out
        assert "95% interval" in done.out

    def test_a_wrong_gate_or_baseline_is_told_before_anything_is_sent(
        self, cli: Cli, server: PredictionServer, tmp_path: Path
    ) -> None:
        (tmp_path / "other.json").write_text('{"schema": "batch_cli.bench_run/v1", "times_ms": ["1"]}')

        assert cli("bench", "--fail-if", "p99>oops", "--base-url", server.url).code == 2
        assert (
            cli("bench", "--fail-if", "errors>1%", "--fail-if", "p99>+1%", "--base-url", server.url).code == 2
        )
        assert cli("bench", "--baseline", "other.json", "--base-url", server.url).code == 3
        assert cli("bench", "--rate", "5", "compare", "--base-url", server.url).code == 2
        assert server.asked == []


@pytest.mark.parametrize("option", ["--html", "--save"])
def test_a_file_that_cannot_be_written_is_told_before_anything_is_sent(
    cli: Cli, server: PredictionServer, option: str
) -> None:
    for name in ("nowhere/file", "."):
        done = cli("bench", option, name, "--base-url", server.url)

        assert done.code == 12
    assert server.asked == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_reports_what_there_is(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with answering(lambda _: Said(GOOD, seconds=0.01)) as server:
        running = start(tmp_path, "bench", "stress", "--base-url", server.url, "--json")
        end = time.monotonic() + 20
        while len(server.asked) < 20:
            assert time.monotonic() < end
            time.sleep(0.01)
        running.send_signal(number)
        out, err = running.communicate(timeout=20)
        facts = json.loads(out)
        # What was sent and cut the server may read later.
        while len(server.asked) < facts["total_batch_requests"] and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.1)

    assert running.returncode == code
    assert facts["interrupted"] is True
    assert facts["total_batch_requests"] == len(server.asked)
    assert b"Traceback" not in err
