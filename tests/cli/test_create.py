from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.support import read_lines, write_lines

HI = [{"role": "user", "content": "Hi, I'm Ada, 36."}]
EXPECTED_NEXT = "Next: batch-cli create-from-file --file-path batch_requests.jsonl --model openai/gpt-4o-mini"


def test_it_writes_a_request_file_without_a_key_or_a_network(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "m.jsonl", [HI, HI])

    done = cli(
        "create",
        "--messages-file",
        "m.jsonl",
        "--model",
        "openai/gpt-4o-mini",
        "--response-model",
        "batch_cli.demo:User",
    )

    assert (done.code, done.out) == (0, "batch_requests.jsonl\n")
    assert "Batch file created: batch_requests.jsonl (2 requests, " in done.err
    assert EXPECTED_NEXT in done.err
    first, second = read_lines(tmp_path / "batch_requests.jsonl")
    assert (first["custom_id"], second["custom_id"]) == ("request-0", "request-1")
    assert first["body"]["model"] == "gpt-4o-mini"
    assert first["body"]["response_format"]["json_schema"]["name"] == "User"
    assert not (tmp_path / "state").exists()


def test_the_document_holds_what_was_written(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "m.jsonl", [HI])

    document = cli("create", "-i", "m.jsonl", "-m", "anthropic/claude", "-o", "r.jsonl", "--json").json

    (file,) = document["files"]
    assert document["schema"] == "batch_cli.create/v1"
    assert (document["provider"], document["model"], file["path"], file["requests"]) == (
        "anthropic",
        "claude",
        "r.jsonl",
        1,
    )
    assert file["bytes"] == (tmp_path / "r.jsonl").stat().st_size


def test_lines_go_to_standard_output(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "m.jsonl", [HI])

    done = cli("create", "-i", "m.jsonl", "-m", "google/gemini", "-o", "-")

    assert json.loads(done.out)["key"] == "request-0"
    assert "1 request written" in done.err


def test_text_and_csv_files_are_prompts(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("One\nTwo\n")
    (tmp_path / "p.csv").write_text("id,question\na,Three\n")
    (tmp_path / "p.tsv").write_text("id\tquestion\nb\tFour\n")

    text = cli("create", "-i", "p.txt", "-m", "openai/m", "-o", "-").out
    table = cli(
        "create",
        "-i",
        "p.csv",
        "-m",
        "openai/m",
        "--prompt-column",
        "question",
        "--id-field",
        "id",
        "-o",
        "-",
    ).out
    tabs = cli("create", "-i", "p.tsv", "-m", "openai/m", "--prompt-column", "question", "-o", "-").out

    assert [json.loads(line)["body"]["messages"][0]["content"] for line in text.splitlines()] == [
        "One",
        "Two",
    ]
    assert json.loads(table)["custom_id"] == "a"
    assert json.loads(tabs)["body"]["messages"][0]["content"] == "Four"


def test_options_shape_the_requests(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "m.jsonl", [HI] * 5)

    done = cli(
        "create", "-i", "m.jsonl", "-m", "openai/m", "-o", "-", "--max-tokens", "7", "--temperature", "0.5", "--skip", "1",
        "--limit", "2", "--id-prefix", "row-", "--param", "seed=3", "--param", "user=me",
    )  # fmt: skip

    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["custom_id"] for line in lines] == ["row-1", "row-2"]
    body = lines[0]["body"]
    assert (body["max_tokens"], body["temperature"], body["seed"], body["user"]) == (7, 0.5, 3, "me")


def test_every_problem_is_reported_and_nothing_is_written(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('"a"\n{oops\n[]\n')
    (tmp_path / "out.jsonl").write_text("old")

    done = cli("create", "-i", "m.jsonl", "-m", "openai/m", "-o", "out.jsonl")

    assert (done.code, done.out) == (3, "")
    for place in ("m.jsonl:1:1: error[E207]", "m.jsonl:2:2: error[E201]", "m.jsonl:3:1: error[E303]"):
        assert place in done.err
    assert "Error: m.jsonl is not valid: 3 problems" in done.err
    assert (tmp_path / "out.jsonl").read_text() == "old"
    assert not (tmp_path / "out.jsonl.part").exists()


def test_twenty_problems_are_shown_and_all_are_counted(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text("7\n" * 5_000)

    done = cli("create", "-i", "m.jsonl", "-m", "openai/m", "--json")

    assert done.err.count("error[E207]") == 20
    assert done.err.count("fix:") == 1, "the same advice is given once"
    assert "… and 4,980 more" in done.err
    document = json.loads(done.err.splitlines()[-1])
    assert (len(document["problems"]), document["problems_total"]) == (20, 5_000)


def test_what_a_dialect_cannot_say_is_placed(cli: Cli, tmp_path: Path) -> None:
    write_lines(
        tmp_path / "m.jsonl", [HI, {"messages": [{"role": "tool", "content": "x"}], "custom_id": "a b"}]
    )

    done = cli("create", "-i", "m.jsonl", "-m", "anthropic/m")

    assert done.code == 3
    assert "m.jsonl:2:1: error[E305]" in done.err


def test_an_id_the_provider_refuses_is_placed(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "m.jsonl", [{"prompt": "x", "custom_id": "a b"}])

    assert "m.jsonl:1:1: error[E306]" in cli("create", "-i", "m.jsonl", "-m", "anthropic/m").err


@pytest.mark.parametrize(
    ("model", "message", "fix"),
    [
        ("gpt-4o-mini", "Error: Model must be in format 'provider/model-name'", "openai/gpt-4o-mini"),
        (
            "xyz/gpt",
            "Error: Unsupported provider: xyz",
            "use openai, anthropic, google, mistral, regolo, azure, groq, local, spice, torch, onnx or function",
        ),
        ("\x1b[31mx/y", "Unsupported provider: \\x1b[31mx", "use openai"),
        ("[/red]/y", "got: '[/red]/y'", "use openai"),
    ],
)
def test_a_wrong_model_is_refused_in_the_known_words(cli: Cli, model: str, message: str, fix: str) -> None:
    done = cli("create", "-i", "m.jsonl", "-m", model)

    assert done.code == 2
    assert message in done.err
    assert fix in done.err
    assert "\x1b" not in done.err


def test_the_messages_file_is_never_its_own_output(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "m.jsonl", [HI])
    (tmp_path / "same.jsonl").hardlink_to(tmp_path / "m.jsonl")

    done = cli("create", "-i", "m.jsonl", "-m", "openai/m", "-o", "same.jsonl")

    assert done.code == 2
    assert "same file" in done.err


def test_an_output_that_cannot_be_written_is_exit_12(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "m.jsonl", [HI])

    assert cli("create", "-i", "m.jsonl", "-m", "openai/m", "-o", "no/such/dir.jsonl").code == 12
    done = cli("create", "-i", "m.jsonl", "-m", "openai/m", "-o", str(tmp_path))
    assert (done.code, "is a directory" in done.err) == (12, True)


class TestDemo:
    def test_without_a_messages_file_ten_prompts_are_submitted(self, cli: Cli, tmp_path: Path) -> None:
        done = cli("create", "--model", "local/simulate")

        assert done.code == 0
        assert done.out.startswith("local_")
        assert "No --messages-file: submitting the demo, 10 prompts" in done.err
        assert "Batch ID saved to local_batch_id.txt" in done.err
        assert (tmp_path / "local_batch_id.txt").read_text() == done.out

    def test_it_asks_for_a_key_where_one_is_needed(self, cli: Cli) -> None:
        done = cli("create")

        assert done.code == 4
        assert "Error: OPENAI_API_KEY environment variable is not set" in done.err
        assert "export OPENAI_API_KEY='your-api-key-here', or use --api-key-file FILE" in done.err
        assert "or try it offline: -m local/simulate" in done.err

    def test_with_submit_the_messages_are_sent_and_no_file_is_written(self, cli: Cli, tmp_path: Path) -> None:
        write_lines(tmp_path / "m.jsonl", [HI])

        done = cli("create", "-i", "m.jsonl", "-m", "local/simulate", "--submit", "--no-save-id")

        assert done.out.startswith("local_")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["m.jsonl", "state"]


@pytest.mark.parametrize("provider", ["openai", "anthropic", "google", "mistral", "regolo"])
def test_integers_beyond_64_bits_arrive_as_they_were(cli: Cli, tmp_path: Path, provider: str) -> None:
    big = 2**64
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": json.dumps({"a": big})}}
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "maximum": big}}}
    talk = [
        *HI,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "x"},
    ]
    write_lines(tmp_path / "m.jsonl", [{"body": {"messages": talk, "tools": [tool]}}])

    done = cli("create", "-i", "m.jsonl", "-m", f"{provider}/m", "-o", "-", "--param", f"x={big}")

    assert done.code == 0
    assert done.out.count(str(big)) == 3


def test_a_parameter_that_is_not_utf8_is_refused(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "m.jsonl", [HI])

    done = cli("create", "-i", "m.jsonl", "-m", "openai/m", "-o", "-", "--param", 'x="\udcff"')

    assert (done.code, done.out) == (2, "")
    assert "--param must be UTF-8" in done.err
