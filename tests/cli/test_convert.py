from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.support import chat, read_lines, write_lines

HI = [{"role": "user", "content": "Hi"}]
PIXEL = "data:image/png;base64,iVBORw0K"


def line(custom_id: str, **body: Any) -> dict[str, Any]:
    return chat(custom_id, "Hi", **{"model": "gpt-4o", "max_tokens": 5, **body})


def test_the_lines_go_to_standard_output_in_order(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", [line("a"), line("b")])

    done = cli("convert", "a.jsonl", "--to", "anthropic", "-m", "claude")

    assert done.code == 0
    assert [json.loads(text) for text in done.out.splitlines()] == [
        {
            "custom_id": name,
            "params": {"model": "claude", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]},
        }
        for name in "ab"
    ]


def test_a_file_is_written_and_its_own_provider_finds_it_right(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", [line("a"), line("b")])
    for provider in ("openai", "anthropic", "google", "mistral", "regolo", "local"):
        done = cli("convert", "a.jsonl", "--to", provider, "-o", "out.jsonl")

        assert (done.code, done.out) == (0, "")
        assert cli("validate", "out.jsonl", "--provider", provider).code == 0
        assert not (tmp_path / "out.jsonl.part").exists()


def test_losses_are_told_once_for_each_field(cli: Cli, tmp_path: Path) -> None:
    parts = [{"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}}] * 2
    pictures = {**line("c"), "body": {**line("c")["body"], "messages": [{"role": "user", "content": parts}]}}
    write_lines(
        tmp_path / "a.jsonl", [line("a"), line("b", logprobs=True), pictures, line("d", logprobs=True)]
    )

    done = cli("convert", "a.jsonl", "--to", "anthropic", "-m", "claude")

    assert done.code == 0
    assert [text for text in done.err.splitlines() if text.startswith("lost")] == [
        "lost: body.logprobs on 2 lines (first line 2): Anthropic has no log probabilities",
        "lost: body.messages[*].content[*].image_url.detail on 1 line (first line 3): Anthropic decides itself how closely to look",
    ]


def test_strict_places_every_loss_and_writes_nothing(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", [line("a"), line("b", seed=7), line("c", logprobs=True)])
    (tmp_path / "out.jsonl").write_text("older\n")

    for output in ("out.jsonl", "-"):
        done = cli("convert", "a.jsonl", "--to", "anthropic", "--strict", "-o", output)

        assert (done.code, done.out) == (3, "")
        text = (tmp_path / "a.jsonl").read_text().splitlines()
        for number, word in ((2, "seed"), (3, "logprobs")):
            column = text[number - 1].index(f'"{word}": ') + len(f'"{word}": ') + 1
            assert f"a.jsonl:{number}:{column}: error[E305]: body.{word} would be lost" in done.err
    assert (tmp_path / "out.jsonl").read_text() == "older\n"


def test_all_faults_are_reported_at_once_and_nothing_is_written(cli: Cli, tmp_path: Path) -> None:
    broken = json.dumps(line("a")) + "\n{oops\n" + json.dumps(line("a")) + "\n"
    broken += json.dumps(line("d", tools=7)) + "\n" + json.dumps(line("no dots. please")) + "\n"
    (tmp_path / "a.jsonl").write_text(broken)

    done = cli("convert", "a.jsonl", "--to", "anthropic", "-o", "out.jsonl")

    assert done.code == 3
    for place in ("a.jsonl:2:", "a.jsonl:3:", "a.jsonl:4:", "a.jsonl:5:"):
        assert place in done.err
    assert not (tmp_path / "out.jsonl").exists()
    assert not (tmp_path / "out.jsonl.part").exists()


def test_the_document_says_what_was_written_and_lost(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", [line("a"), line("b", logit_bias={"1": 2})])

    document = cli("convert", "a.jsonl", "--to", "google", "-o", "out.jsonl", "--json").json

    assert document["schema"] == "batch_cli.convert/v1"
    assert (document["from"], document["to"]) == ("openai", "google")
    (file,) = document["files"]
    assert (file["path"], file["requests"]) == ("out.jsonl", 2)
    assert file["bytes"] == (tmp_path / "out.jsonl").stat().st_size
    assert document["losses"] == [
        {
            "path": "body.logit_bias",
            "change": "lost",
            "reason": "Google cannot favour single tokens",
            "lines": 1,
            "first_line": 2,
        }
    ]


def test_a_model_of_the_other_provider_is_warned_of(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", [line("a")])

    assert "the model is still OpenAI's: gpt-4o" in cli("convert", "a.jsonl", "--to", "anthropic").err
    assert "the model is left out: gpt-4o" in cli("convert", "a.jsonl", "--to", "google").err
    assert "Warning" not in cli("convert", "a.jsonl", "--to", "anthropic", "-m", "claude").err


@pytest.mark.parametrize(
    ("given", "written"), [("claude", "claude"), ("anthropic/claude", "claude"), ("org/x", "org/x")]
)
def test_the_model_is_the_targets_own_name(cli: Cli, tmp_path: Path, given: str, written: str) -> None:
    write_lines(tmp_path / "a.jsonl", [line("a")])

    assert (
        json.loads(cli("convert", "a.jsonl", "--to", "anthropic", "-m", given).out)["params"]["model"]
        == written
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--to", "opneai"), "Unsupported provider"),
        (("--to", "openai", "--from", "x"), "Unsupported provider"),
        (("--to", "openai", "-m", "anthropic/claude"), "--to says openai, --model says anthropic"),
        (("--to", "openai", "-m", " "), "--model is empty"),
        (("--to", "openai", "--json"), "--json needs a file"),
        (("--to", "openai", "-o", "a.jsonl"), "the same file"),
        ((), "--to"),
    ],
)
def test_a_wrong_call_is_refused(cli: Cli, tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    write_lines(tmp_path / "a.jsonl", [line("a")])

    done = cli("convert", "a.jsonl", *words)

    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_a_model_must_be_named_where_neither_line_nor_option_does(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", [{"key": "a", "request": {"contents": [{"parts": [{"text": "Hi"}]}]}}])

    done = cli("convert", "a.jsonl", "--to", "openai")

    assert done.code == 3
    assert "fix: name the model with --model NAME" in done.err
    assert cli("convert", "a.jsonl", "--to", "openai", "-m", "gpt-4o").code == 0


def test_short_shapes_of_regolo_get_the_envelope_and_an_id(cli: Cli, tmp_path: Path) -> None:
    hi = [{"role": "user", "content": "Hi"}]
    write_lines(
        tmp_path / "a.jsonl",
        [
            {"model": "m", "messages": hi, "top_p": 0.5},
            {"custom_id": "b", "params": {"model": "m", "messages": hi}},
        ],
    )

    done = cli("convert", "a.jsonl", "--from", "regolo", "--to", "regolo")

    assert done.code == 0
    assert [json.loads(text) for text in done.out.splitlines()] == [
        {
            "custom_id": custom_id,
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": "m", "messages": hi, **more},
        }
        for custom_id, more in (("request-0", {"top_p": 0.5}), ("b", {}))
    ]


def test_integers_of_any_size_stay_what_they_are(cli: Cli, tmp_path: Path) -> None:
    huge = 2**70 + 1
    write_lines(tmp_path / "a.jsonl", [line("a", seed=huge)])

    assert json.loads(cli("convert", "a.jsonl", "--to", "regolo").out)["body"]["seed"] == huge


def test_the_same_provider_changes_only_the_model(cli: Cli, tmp_path: Path) -> None:
    own = {
        "key": "a",
        "request": {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "safetySettings": [{"x": 1}]},
    }
    write_lines(tmp_path / "g.jsonl", [own])
    write_lines(tmp_path / "a.jsonl", [line("a", logit_bias={"1": 1})])

    assert json.loads(cli("convert", "g.jsonl", "--to", "google", "-m", "gemini").out) == own
    again = json.loads(cli("convert", "a.jsonl", "--to", "openai", "-m", "gpt-5", "--strict").out)
    assert again == line("a", logit_bias={"1": 1}, model="gpt-5")


def test_foreign_names_cannot_reach_the_terminal(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", [line("a", **{"\x1b[31m\nred": 1, "model": "g\x1b[2J"})])

    done = cli("convert", "a.jsonl", "--to", "anthropic")

    assert done.code == 0
    assert "\x1b" not in done.err
    assert "\nred" not in done.err


def test_kinds_of_losses_are_bounded(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", [line(f"r{n}", **{f"x{n}": 1}) for n in range(600)])

    document = cli("convert", "a.jsonl", "--to", "anthropic", "-o", "out.jsonl", "--json").json

    assert len(document["losses"]) == 501
    assert document["losses"][-1]["lines"] == 100
    assert len(read_lines(tmp_path / "out.jsonl")) == 600


def test_messages_are_read_for_any_provider(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text(
        '[{"role": "user", "content": "a"}]\n{"custom_id": "x", "prompt": "b"}\n'
        '{"body": {"messages": [{"role": "user", "content": "c"}], "temperature": 1}}\n'
    )

    done = cli("convert", "m.jsonl", "--to", "openai", "-m", "gpt-4o")

    assert done.code == 0
    lines = [json.loads(text) for text in done.out.splitlines()]
    assert [line["custom_id"] for line in lines] == ["request-0", "x", "request-2"]
    assert [line["body"]["messages"][0]["content"] for line in lines] == ["a", "b", "c"]
    assert lines[2]["body"] == {"model": "gpt-4o", "messages": lines[2]["body"]["messages"], "temperature": 1}


def test_a_text_file_is_read_as_messages(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("one\ntwo\n")

    done = cli("convert", "p.txt", "--to", "google")

    assert [json.loads(text)["request"]["contents"][0]["parts"] for text in done.out.splitlines()] == [
        [{"text": "one"}],
        [{"text": "two"}],
    ]


def test_requests_become_messages_and_requests_again(cli: Cli, tmp_path: Path) -> None:
    lines = [line("a", max_tokens=7), chat("b", "Hi", model="gpt-4o")]
    write_lines(tmp_path / "a.jsonl", lines)

    assert cli("convert", "a.jsonl", "--to", "messages", "-o", "m.jsonl").code == 0
    assert cli("convert", "m.jsonl", "--to", "openai", "-m", "gpt-4o", "-o", "b.jsonl").code == 0

    assert read_lines(tmp_path / "b.jsonl") == lines
    created = cli("create", "-i", "m.jsonl", "-m", "openai/gpt-4o", "-o", "c.jsonl")
    assert created.code == 0
    assert [row["body"].get("max_tokens") for row in read_lines(tmp_path / "c.jsonl")] == [7, 1000]


def test_a_bad_messages_file_is_reported_line_by_line(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('[{"role": "user", "content": "a"}]\n[]\n{"prompt": ""}\n')

    done = cli("convert", "m.jsonl", "--to", "openai", "-m", "gpt-4o", "-o", "out.jsonl")

    assert done.code == 3
    assert "m.jsonl:2:" in done.err
    assert "m.jsonl:3:" in done.err
    assert not (tmp_path / "out.jsonl").exists()


def test_standard_input_is_read(process: Cli) -> None:
    done = process("convert", "-", "--to", "mistral", stdin=json.dumps(line("a")).encode())

    assert done.code == 0
    assert json.loads(done.out)["body"]["max_tokens"] == 5


def test_what_is_added_or_moved_is_not_called_lost(cli: Cli, tmp_path: Path) -> None:
    late = {**line("a"), "body": {"model": "m", "messages": [*HI, {"role": "system", "content": "Late."}]}}
    write_lines(tmp_path / "a.jsonl", [late])

    told = cli("convert", "a.jsonl", "--to", "anthropic", "-m", "claude").err
    refused = cli("convert", "a.jsonl", "--to", "anthropic", "--strict").err

    assert [text.partition(" on ")[0] for text in told.splitlines()[:2]] == [
        "moved: body.messages[*]",
        "added: body.max_completion_tokens",
    ]
    assert "body.messages[1] would be moved: " in refused
    assert "fix: say it there, or leave out --strict" in refused
    assert "body.max_completion_tokens would be added: " in refused
    assert "fix: write one, or leave out --strict" in refused
