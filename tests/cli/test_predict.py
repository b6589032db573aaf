"""`predict`: Spice, the PyTorch server, functions, against servers that answer what a test says, and our own."""

from __future__ import annotations

import csv
import io
import itertools
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.prediction_server import Asked, Said, answering
from tests.serving import ServerProcess
from tests.support import read_lines, start


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ServerProcess(tmp_path_factory.mktemp("server"), "--no-auth") as running:
        yield running.url


def spice(asked: Asked) -> Said:
    """Answer like Spice: models that begin with bad fail."""
    found = [
        {
            "status": "BadRequest",
            "model_name": name,
            "error_message": f"Model {name} not found",
            "duration_ms": 0,
        }
        if name.startswith("bad")
        else {
            "status": "Success",
            "model_name": name,
            "model_version": "v1",
            "prediction": [1.0, None],
            "duration_ms": 3,
        }
        for name in (one["model_name"] for one in asked.json["predictions"])
    ]
    return Said({"predictions": found, "duration_ms": 3})


class TestSpice:
    def test_the_body_is_exactly_the_names_and_the_key_travels_in_its_header(
        self, cli: Cli, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SPICE_API_KEY", "secret-key-123")
        with answering(spice) as server:
            done = cli("predict", "m1", "m2", "m1", "--base-url", f"{server.url}/", "--json", "-v")

        (asked,) = server.asked
        assert asked.body == b'{"predictions":[{"model_name":"m1"},{"model_name":"m2"},{"model_name":"m1"}]}'
        assert (asked.method, asked.path) == ("POST", "/v1/predict")
        assert asked.headers["content-type"] == "application/json"
        assert asked.headers["x-api-key"] == "secret-key-123"
        assert "secret-key" not in done.out + done.err
        assert done.code == 0

    @pytest.mark.parametrize(
        ("names", "words", "code"),
        [
            (("a", "b"), (), 0),
            (("a", "bad"), (), 7),
            (("a", "bad"), ("--allow-failures",), 0),
            (("bad", "bad2"), (), 10),
            (("bad", "bad2"), ("--allow-failures",), 10),
        ],
    )
    def test_the_exit_code_tells_some_from_all(
        self, cli: Cli, names: tuple[str, ...], words: tuple[str, ...], code: int
    ) -> None:
        with answering(spice) as server:
            done = cli("predict", *names, "--base-url", server.url, *words)

        assert done.code == code

    def test_the_document(self, cli: Cli) -> None:
        with answering(spice) as server:
            done = cli("predict", "a", "bad", "--base-url", server.url, "--json")

        assert (done.json["ok"], done.json["failed"], done.json["duration_ms"]) == (1, 1, 3.0)
        assert done.json["predictions"][1] == {
            "index": 1,
            "model_name": "bad",
            "model_version": None,
            "status": "BadRequest",
            "prediction": None,
            "error_message": "Model bad not found",
            "duration_ms": 0.0,
        }

    def test_a_file_may_name_them_and_chunks_count_places_over_all(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "names.txt").write_text("".join(f"m{n}\n" for n in range(7)))
        with answering(spice) as server:
            done = cli(
                *("predict", "--file", "names.txt", "--chunk-size", "3"),
                *("--base-url", server.url, "--format", "jsonl"),
            )

        assert [len(asked.json["predictions"]) for asked in server.asked] == [3, 3, 1]
        rows = [json.loads(line) for line in done.out.splitlines()]
        assert [(row["index"], row["model_name"]) for row in rows] == [(n, f"m{n}") for n in range(7)]

    def test_a_later_chunk_without_an_answer_loses_nothing_that_was_answered(self, cli: Cli) -> None:
        numbers = itertools.count()
        with answering(lambda asked: Said(b"", 503) if next(numbers) == 1 else spice(asked)) as server:
            done = cli("predict", *"abc", "--chunk-size", "1", "--base-url", server.url, "--json")

        assert done.code == 7
        assert [one["status"] for one in done.json["predictions"]] == ["Success", "NoAnswer", "Success"]
        assert "unavailable" in done.json["predictions"][1]["error_message"]

    @pytest.mark.parametrize(
        ("said", "code", "words"),
        [
            (Said(b"Unauthorized", 401), 4, ("unauthorized", "SPICE_API_KEY")),
            (Said(b"", 403), 4, ("unauthorized", "SPICE_API_KEY")),
            (Said(b"", 404), 5, ("removed after v2.1",)),
            (Said(b"Expected JSON", 415), 5, ("HTTP 415: Expected JSON",)),
            (Said(b"missing field `model_name`", 422), 5, ("missing field",)),
            (Said(b"bad json", 400), 5, ("HTTP 400: bad json",)),
            (Said(b"too large", 413), 5, ("too large", "--chunk-size")),
            (Said(b"it broke", 500, headers={"content-type": "text/plain"}), 6, ("HTTP 500: it broke",)),
            (Said(b"Runtime is shutting down", 503), 6, ("unavailable", "shutting down")),
            (Said(b"", 502), 6, ("unavailable",)),
            (Said(b"", 504), 6, ("unavailable",)),
            (Said(b"busy", 429), 6, ("HTTP 429: busy",)),
            (Said(b"busy", 529), 6, ("HTTP 529: busy",)),
            (Said(cut=True), 6, ("no proper answer", "--single")),
            (Said(b"<html>Login</html>"), 13, ("not JSON", "<html>Login")),
            (Said(b'{"predictions": ['), 13, ("not JSON",)),
            (Said({"predictions": []}), 13, ("1 predictions were asked for, the answer has 0",)),
            (
                Said(b"", 302, headers={"location": "http://elsewhere.example/"}),
                5,
                ("HTTP 302", "correct --base-url"),
            ),
            (Said(b"\x1b[31mred", 400), 5, ("\\x1b[31mred",)),
        ],
    )
    def test_every_http_answer_has_its_code_and_its_help(
        self, cli: Cli, said: Said, code: int, words: tuple[str, ...]
    ) -> None:
        with answering(lambda _: said) as server:
            done = cli("predict", "m", "--base-url", server.url)

        assert done.code == code
        assert all(word in done.err for word in words), done.err
        assert "Traceback" not in done.err
        assert "\x1b" not in done.err
        assert done.out == ""

    def test_nobody_there_is_6(self, cli: Cli) -> None:
        done = cli("predict", "m", "--base-url", "http://127.0.0.1:1")

        assert done.code == 6
        assert "cannot be reached" in done.err

    @pytest.mark.parametrize("version", ["", "/v1", "/v1/"])
    def test_a_variable_says_where_the_server_is_and_the_option_says_it_better(
        self, cli: Cli, monkeypatch: pytest.MonkeyPatch, version: str
    ) -> None:
        with answering(spice) as server, answering(spice) as other:
            monkeypatch.setenv("SPICE_BASE_URL", server.url + version)
            assert cli("predict", "a").code == 0
            assert cli("predict", "a", "--base-url", other.url + version).code == 0

        assert [asked.path for asked in (*server.asked, *other.asked)] == ["/v1/predict"] * 2

    def test_a_variable_that_is_no_address_is_named(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SPICE_BASE_URL", "nonsense")

        done = cli("predict", "a")

        assert done.code == 4
        assert "SPICE_BASE_URL is not an http or https URL" in done.err

    def test_a_key_never_travels_in_the_clear(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SPICE_API_KEY", "secret-key-123")

        done = cli("predict", "m", "--base-url", "http://spice.internal:8090")

        assert done.code == 4
        assert "without encryption" in done.err

    def test_no_model_is_refused_here_unless_forced(self, cli: Cli) -> None:
        with answering(spice) as server:
            assert cli("predict", "--base-url", server.url).code == 2
            assert server.asked == []
            assert cli("predict", "--force", "--base-url", server.url).code == 0
        assert [asked.json for asked in server.asked] == [{"predictions": []}]

    def test_single_asks_at_each_models_own_path_with_its_name_escaped(self, cli: Cli) -> None:
        def answer(asked: Asked) -> Said:
            if "bad" in asked.path:
                body = {"status": "BadRequest", "model_name": "bad", "error_message": "no", "duration_ms": 0}
                return Said(body, 400)
            return Said({"status": "Success", "model_name": "a/b c", "prediction": [1.0], "duration_ms": 1})

        with answering(answer) as server:
            done = cli("predict", "a/b c", "bad", "--single", "--base-url", server.url, "--json")

        assert [asked.path for asked in server.asked] == [
            "/v1/models/a%2Fb%20c/predict",
            "/v1/models/bad/predict",
        ]
        assert done.code == 7
        assert [one["error_message"] for one in done.json["predictions"]] == [None, "no"]

    def test_it_waits_until_the_server_is_ready(self, cli: Cli) -> None:
        numbers = itertools.count()

        def answer(asked: Asked) -> Said:
            if asked.path == "/v1/ready":
                return Said(b"Ready\n") if next(numbers) == 2 else Said(b"not ready", 503)
            return spice(asked)

        with answering(answer) as server:
            done = cli("predict", "m", "--wait-ready", "20", "--base-url", server.url)

        assert done.code == 0
        assert [asked.path for asked in server.asked] == ["/v1/ready"] * 3 + ["/v1/predict"]

    def test_a_server_that_is_never_ready_is_6(self, cli: Cli) -> None:
        with answering(lambda _: Said(b"not ready", 503)) as server:
            done = cli("predict", "m", "--wait-ready", "0", "--base-url", server.url)

        assert done.code == 6
        assert "was not ready within 0 s" in done.err

    @pytest.mark.parametrize(
        "said",
        [
            {"object": "list", "data": [{"id": "m1", "status": "Ready"}]},
            [{"name": "m1", "status": "Ready", "from": "file:m.onnx"}],
        ],
    )
    def test_both_lists_of_models_are_read(self, cli: Cli, said: Any) -> None:
        with answering(lambda _: Said(said)) as server:
            done = cli("predict", "--show", "models", "--base-url", server.url, "--json")

        assert [(one["name"], one["status"]) for one in done.json["models"]] == [("m1", "Ready")]

    def test_our_own_server_is_understood(self, cli: Cli, ours: str) -> None:
        done = cli("predict", "drift", "gaps", "failing", "nope", "--base-url", ours, "--json")

        assert done.code == 7
        assert [one["status"] for one in done.json["predictions"]] == [
            "Success",
            "Success",
            "InternalError",
            "BadRequest",
        ]
        assert cli("predict", "--show", "ready", "--base-url", ours).code == 0


class TestTogether:
    def test_an_ensemble_is_the_last_row(self, cli: Cli) -> None:
        with answering(spice) as server:
            words = ("--ensemble", "mean", "--weights", "2,1", "--base-url", server.url)
            done = cli("predict", "a", "b", *words, "--format", "jsonl")
            document = cli("predict", "a", "b", *words, "--json").json

        assert json.loads(done.out.splitlines()[-1])["model_name"] == "ensemble:mean"
        assert document["ensemble"]["values"] == [1.0, None]

    def test_a_comparison_names_the_two_and_shows_each_element(self, cli: Cli) -> None:
        with answering(spice) as server:
            done = cli("predict", "--compare", "a", "b", "--base-url", server.url)
            document = cli("predict", "--compare", "a", "b", "--base-url", server.url, "--json").json

        assert done.out.splitlines() == ["0\t1\t1\t0", "1\t\t\t"]
        assert "MAE 0, RMSE 0" in done.err
        assert document["comparison"]["differences"] == [0.0, None]

    @pytest.mark.parametrize(
        "words",
        [
            ("a", "--weights", "1"),
            ("a", "--ensemble", "median", "--weights", "1"),
            ("a", "--ensemble", "mean", "--weights", "1,2"),
            ("a", "--inputs", "x"),
            ("a", "--api", "torch"),
            ("a", "--json", "--format", "csv"),
            ("a", "--fields", "status", "--format", "jsonl"),
            ("a", "--format", "table", "-o", "x"),
            ("a", "--ensemble", "mean", "--format", "table", "-o", "x"),
            ("--api", "torch", "--ensemble", "mean"),
            ("--model", "m.py:f"),
        ],
    )
    def test_what_contradicts_itself_is_2(self, cli: Cli, words: tuple[str, ...]) -> None:
        with answering(spice) as server:
            done = cli("predict", *words, "--base-url", server.url)

        assert done.code == 2, done.err
        assert server.asked == []


class TestTorch:
    def test_inputs_of_ones_own_with_their_settings(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "in.jsonl").write_text("[1, 2]\n\n3\n")
        with answering(lambda _: Said({"success": True, "results": [0.5, 0.6]})) as server:
            done = cli(
                *("predict", "--api", "torch", "--inputs", "in.jsonl", "--priority", "2", "--timeout", "1.5"),
                *("--model", "m", "--base-url", server.url, "--json"),
            )

        (asked,) = server.asked
        assert asked.path == "/predict/batch"
        assert asked.json == {"inputs": [[1, 2], 3], "priority": 2, "timeout": 1.5, "model_name": "m"}
        assert done.code == 0
        assert [one["prediction"] for one in done.json["predictions"]] == [0.5, 0.6]

    @pytest.mark.parametrize(
        ("said", "code", "errors"),
        [
            (
                {"success": True, "results": [1, None, {"error": "bad"}]},
                7,
                [None, "the server sent null", "bad"],
            ),
            (
                {"success": False, "results": [], "error": ""},
                10,
                ["the server gave no reason (its time limit does that)"] * 3,
            ),
            (
                {"success": True, "results": [1]},
                7,
                [None, "no result came for this input", "no result came for this input"],
            ),
            ({"success": True, "results": [1, 2, 3, {"error": "x"}]}, 7, [None, None, None]),
        ],
    )
    def test_failures_inside_a_200_have_index_and_reason(
        self, cli: Cli, tmp_path: Path, said: Any, code: int, errors: list[str | None]
    ) -> None:
        (tmp_path / "in.json").write_text("[1, 2, 3]")
        with answering(lambda _: Said(said)) as server:
            done = cli("predict", "--api", "torch", "--inputs", "in.json", "--base-url", server.url, "--json")

        assert done.code == code
        assert [one["error_message"] for one in done.json["predictions"]] == errors

    def test_a_list_of_another_length_is_told(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "in.json").write_text("[1, 2]")
        with answering(lambda _: Said({"success": True, "results": [1, 2, 3]})) as server:
            done = cli("predict", "--api", "torch", "--inputs", "in.json", "--base-url", server.url)

        assert "the server sent 3 results for 2 inputs" in done.err

    def test_single_and_the_example(self, cli: Cli, ours: str, tmp_path: Path) -> None:
        (tmp_path / "in.json").write_text("[1, [2, 3]]")

        single = cli(
            "predict", "--api", "torch", "--inputs", "in.json", "--single", "--base-url", ours, "--json"
        )
        example = cli("predict", "--api", "torch", "--base-url", ours, "--json")

        assert (single.code, single.json["ok"]) == (0, 2)
        assert (example.code, example.json["ok"]) == (0, 5)

    @pytest.mark.parametrize("shapes", [(), ("--old-shapes",)])
    def test_both_shapes_of_our_own_server_are_read_alike(
        self, cli: Cli, tmp_path: Path, shapes: tuple[str, ...]
    ) -> None:
        (tmp_path / "in.json").write_text("[1, 2]")
        (tmp_path / "server").mkdir()
        with ServerProcess(tmp_path / "server", *shapes) as server:
            done = cli("predict", "--api", "torch", "--inputs", "in.json", "--base-url", server.url, "--json")

        assert [one["prediction"] for one in done.json["predictions"]] == [0.300437, 0.551128]

    def test_health_is_read_from_its_flag(self, cli: Cli) -> None:
        with answering(lambda _: Said({"healthy": False, "checks": {"inference_engine": False}})) as server:
            done = cli("predict", "--api", "torch", "--show", "health", "--base-url", server.url, "--json")

        assert (done.code, done.json["health"]["healthy"]) == (6, False)


class TestInProcess:
    @pytest.fixture(autouse=True)
    def _code(self, tmp_path: Path) -> None:
        (tmp_path / "mine.py").write_text(
            "def half(value):\n    if value == 3:\n        raise ValueError('three')\n    return [value / 2]\n"
        )
        (tmp_path / "in.jsonl").write_text("1\n2\n3\n")

    def test_a_function_predicts_and_one_bad_input_fails_alone(self, cli: Cli, tmp_path: Path) -> None:
        done = cli("predict", "--model", "mine.py:half", "--inputs", "in.jsonl", "-o", "out.jsonl", "--json")

        assert done.code == 7
        rows = read_lines(tmp_path / "out.jsonl")
        assert [(row["prediction"], row["error_message"]) for row in rows] == [
            ([0.5], None),
            ([1.0], None),
            (None, "ValueError: three"),
        ]
        assert (done.json["ok"], done.json["failed"], done.json["file"]) == (2, 1, "out.jsonl")

    def test_how_far_it_is_can_be_followed(self, cli: Cli) -> None:
        words = ("predict", "--model", "mine.py:half", "--inputs", "in.jsonl", "--chunk-size", "1")
        done = cli(*words, "--progress", "json", "-o", "out.jsonl")

        events = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
        assert events[0]["unit"] == "predictions"
        assert events[0]["done"] == 1

    def test_rows_as_csv(self, cli: Cli) -> None:
        done = cli("predict", "--model", "mine.py:half", "--inputs", "in.jsonl", "--format", "csv")

        rows = list(csv.DictReader(io.StringIO(done.out)))
        assert [row["prediction"] for row in rows] == ["[0.5]", "[1.0]", ""]

    def test_an_output_that_exists_is_not_replaced_without_force(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "out.jsonl").write_text("mine")
        words = ("predict", "--model", "mine.py:half", "--inputs", "in.jsonl", "-o", "out.jsonl")

        assert cli(*words).code == 9
        assert (tmp_path / "out.jsonl").read_text() == "mine"
        assert cli(*words, "--force").code == 7

    def test_a_broken_line_is_named_and_no_half_file_stays(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "in.jsonl").write_text("1\n{oops\n")

        done = cli("predict", "--model", "mine.py:half", "--inputs", "in.jsonl", "-o", "out.jsonl")

        assert done.code == 3
        assert "in.jsonl:2: not JSON" in done.err
        assert not (tmp_path / "out.jsonl").exists()


class TestRepeat:
    def test_each_time_is_measured_and_the_first_answers_are_written(self, cli: Cli) -> None:
        with answering(spice) as server:
            done = cli("predict", "a", "b", "--repeat", "3", "--base-url", server.url, "--json")

        repeat = done.json["repeat"]
        assert (done.code, len(server.asked), len(done.json["predictions"])) == (0, 3, 2)
        assert (done.json["ok"], done.json["failed"]) == (6, 0)
        assert [(run["duration_ms"], run["ok"], run["same"]) for run in repeat["runs"]] == [(3, 2, True)] * 3
        assert repeat["duration_ms"]["avg"] == repeat["duration_ms"]["p99"] == 3
        assert 0 < repeat["elapsed_ms"]["min"] <= repeat["elapsed_ms"]["p50"] <= repeat["elapsed_ms"]["max"]
        assert "run 3: " in done.err
        assert "3 runs: avg " in done.err

    def test_a_time_without_an_answer_is_a_failed_one_and_other_predictions_are_told(self, cli: Cli) -> None:
        numbers = itertools.count(1)

        def drifting(asked: Asked) -> Said:
            number = next(numbers)
            if number == 2:
                return Said(b"", 503)
            said = spice(asked)
            said.body["predictions"][0]["prediction"] = [number]
            return said

        with answering(drifting) as server:
            done = cli("predict", "a", "--repeat", "3", "--base-url", server.url, "--json")

        runs = done.json["repeat"]["runs"]
        assert done.code == 7
        assert [(run["ok"], run["failed"], run["same"]) for run in runs] == [
            (1, 0, True),
            (0, 1, False),
            (1, 0, False),
        ]
        assert "unavailable" in runs[1]["error"]
        assert "not always the same" in done.err

    def test_a_time_at_which_the_servers_own_example_fails_is_counted_too(self, cli: Cli) -> None:
        numbers = itertools.count(1)
        good = Said({"response": {"success": True, "predictions": [[1]]}})
        with answering(lambda _: good if next(numbers) == 1 else Said(b"", 500)) as server:
            done = cli("predict", "--api", "torch", "--repeat", "3", "--base-url", server.url, "--json")

        assert [run["ok"] for run in done.json["repeat"]["runs"]] == [1, 0, 0]

    def test_inputs_of_a_file_are_sent_every_time(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "i.jsonl").write_text("[1]\n[2]\n")
        with answering(lambda _: Said({"success": True, "predictions": [[1], [2]]})) as server:
            done = cli(
                *("predict", "--api", "torch", "--inputs", "i.jsonl", "--repeat", "2"),
                *("--base-url", server.url, "-o", "o.jsonl"),
            )

        assert [asked.json["inputs"] for asked in server.asked] == [[[1], [2]]] * 2
        assert done.code == 0
        assert len(read_lines(tmp_path / "o.jsonl")) == 2


HOSTILE = "\x1b[31mred\x1b]0;t\x07\r\nError: mine\u202e\x9b\x00=1"


class TestHostileServers:
    @pytest.mark.parametrize("form", ["plain", "csv", "markdown"])
    def test_no_text_of_a_server_is_obeyed_or_looks_like_a_line_of_ours(
        self, cli: Cli, tmp_path: Path, form: str
    ) -> None:
        said = {"status": HOSTILE, "model_name": HOSTILE, "model_version": HOSTILE, "error_message": HOSTILE}
        (tmp_path / "i.jsonl").write_text("1\n")
        torch = {"success": True, "predictions": [HOSTILE], "model_name": HOSTILE, "warnings": [HOSTILE]}
        with (
            answering(lambda _: Said({"predictions": [said]})) as one,
            answering(lambda _: Said(torch)) as other,
        ):
            shown = [
                cli("predict", "a", "--base-url", one.url, "--format", form),
                cli(
                    *("predict", "--api", "torch", "--inputs", "i.jsonl"),
                    *("--base-url", other.url, "--format", form),
                ),
            ]

        for done in shown:
            text = done.out.replace("\r\n", "") if form == "csv" else done.out
            assert not set(text + done.err) & {"\x1b", "\x07", "\r", "\u202e", "\x9b", "\x00"}
            assert not any(line.startswith("Error: mine") for line in done.err.splitlines())
            assert "\\x1b[31mred" in done.out

    def test_a_csv_file_has_escapes_too(self, cli: Cli, tmp_path: Path) -> None:
        said = {"status": "Success", "prediction": [1], "model_version": HOSTILE}
        with answering(lambda _: Said({"predictions": [said]})) as server:
            cli("predict", "a", "--base-url", server.url, "-o", "o.csv", "--format", "csv")

        assert b"\x1b" not in (tmp_path / "o.csv").read_bytes()


def _stop(running: subprocess.Popen[bytes], is_time: Callable[[], bool], number: int) -> tuple[bytes, bytes]:
    end = time.monotonic() + 30
    while not is_time():
        assert time.monotonic() < end
        time.sleep(0.01)
    running.send_signal(number)
    return running.communicate(timeout=20)


class TestStopping:
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_what_was_answered_is_shown(self, tmp_path: Path, number: int, code: int) -> None:
        (tmp_path / "names.txt").write_text("".join(f"m{at}\n" for at in range(500)))
        with answering(lambda asked: Said(spice(asked).body, seconds=0.05)) as server:
            words = ("predict", "--file", "names.txt", "--chunk-size", "1", "--base-url", server.url)
            running = start(tmp_path, *words, "--json")
            out, err = _stop(running, lambda: len(server.asked) > 5, number)
            to_file = start(tmp_path, *words, "-o", "o.jsonl")
            began = len(server.asked)
            _, told = _stop(to_file, lambda: len(server.asked) > began + 5, number)

        facts = json.loads(out)
        assert (running.returncode, to_file.returncode) == (code, code)
        assert facts["interrupted"] is True
        assert 4 <= len(facts["predictions"]) < 500
        assert facts["ok"] == len(facts["predictions"])
        assert b"the predictions that there are" in err
        assert b"nothing was written to 'o.jsonl'" in told
        assert list(tmp_path.glob("o.jsonl*")) == []

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_a_signal_is_no_failure_of_the_function_that_ran(
        self, tmp_path: Path, number: int, code: int
    ) -> None:
        (tmp_path / "model.py").write_text(
            "import pathlib, time\n"
            "def predict(x):\n    pathlib.Path(f'seen{x}').touch()\n    time.sleep(0.1)\n    return [x]\n"
        )
        (tmp_path / "i.jsonl").write_text("".join(f"{at}\n" for at in range(500)))
        words = (
            "predict",
            "--model",
            "model.py:predict",
            "--inputs",
            "i.jsonl",
            "--chunk-size",
            "1",
            "--json",
        )
        running = start(tmp_path, *words)
        out, _ = _stop(running, (tmp_path / "seen3").exists, number)

        assert running.returncode == code
        assert (json.loads(out)["failed"], json.loads(out)["interrupted"]) == (0, True)
