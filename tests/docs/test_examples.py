"""Every example runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import examples
from batch_cli.demo import PROMPTS, User
from tests.docs.test_readme import clone, shell
from tests.support import ROOT, read_lines

__all__ = ["clone"]


def test_the_package_has_the_specifications_model() -> None:
    assert examples.User is User
    assert set(User.model_fields) == {"name", "age"}


def test_the_ten_prompts_are_those_of_the_demo() -> None:
    lines = read_lines(ROOT / "examples/prompts.jsonl")

    assert [line[0]["content"] for line in lines] == list(PROMPTS)


def test_the_two_hundred_texts_are_varied_and_each_names_its_person() -> None:
    lines = read_lines(ROOT / "examples/messages.jsonl")
    expected = (ROOT / "examples/messages.expected.tsv").read_text(encoding="utf-8").splitlines()

    texts = [line["messages"][-1]["content"] for line in lines]
    assert len(set(texts)) == len(lines) == len(expected) == 200
    for line, text, row in zip(lines, texts, expected, strict=True):
        custom_id, name, age = row.split("\t")
        assert line["custom_id"] == custom_id
        assert name in text
        assert 1 <= int(age) <= 101
    assert len({row.split("\t")[1] for row in expected}) == 200


def test_the_demo_shows_the_ten_people(clone: Path) -> None:
    done = shell(clone, "sh examples/demo.sh")

    assert done.returncode == 0, done.stderr
    for person in (
        "Alice\t28",
        "Bob\t35",
        "Sarah\t42",
        "John\t29",
        "Emma\t33",
        "Michael\t45",
        "Lisa\t31",
        "David\t38",
        "Jessica\t26",
        "Ryan\t41",
    ):
        assert person in done.stdout
    assert (clone / "local_batch_id.txt").exists()
    assert len(read_lines(clone / "results.jsonl")) == 10


class TestNightly:
    def test_all_good_is_0_and_the_same_line_again_changes_nothing(self, clone: Path) -> None:
        for _ in range(2):
            done = shell(clone, 'sh examples/nightly.sh "$@"', "examples/messages.jsonl", "out.jsonl")
            assert done.returncode == 0, done.stderr
            assert "every request has a good answer: out.jsonl" in done.stdout
        rows = read_lines(clone / "out.jsonl")
        assert len(rows) == 200
        assert all(set(row["parsed"]) == {"name", "age"} for row in rows)

    @pytest.mark.parametrize(("content", "code", "words"), [("{oops\n", 3, "not valid, nothing was sent")])
    def test_what_fails_has_its_code(self, clone: Path, content: str, code: int, words: str) -> None:
        (clone / "bad.jsonl").write_text(content)

        done = shell(clone, 'sh examples/nightly.sh "$@"', "bad.jsonl", "out.jsonl")

        assert done.returncode == code
        assert words in done.stderr

    def test_a_missing_key_is_4(self, clone: Path) -> None:
        done = shell(
            clone, 'sh examples/nightly.sh "$@"', "examples/prompts.jsonl", "out.jsonl", "openai/gpt-4o-mini"
        )

        assert done.returncode == 4
        assert "the key is missing or refused" in done.stderr


def test_the_commands_of_the_ci_job_run(clone: Path) -> None:
    job = (ROOT / "examples/ci-job.yml").read_text(encoding="utf-8")
    commands = re.findall(r"run: (batch-cli .*)", job)
    assert len(commands) == 2

    done = shell(clone, "MODEL=local/simulate\n" + "\n".join(commands))

    assert done.returncode == 0, done.stderr
    assert len(read_lines(clone / "results.jsonl")) == 200
    assert json.loads((clone / "results.jsonl.meta.json").read_text())["ok"] == 200
