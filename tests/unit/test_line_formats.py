"""The schemas say what the checks say, as far as a schema of one line can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from batch_cli.errors import UsageError
from batch_cli.line_formats import NAMES, read_schema
from batch_cli.results import manifest_path
from tests.conftest import Cli
from tests.support import ROOT, read_lines, structured, write_lines

CORPUS = ROOT / "tests" / "corpus"
CASES = [case for case in read_lines(CORPUS / "manifest.jsonl") if "--provider" in case["argv"]]
OF_ONE_LINE = ("E301", "E302", "E303", "E304", "E306", "E310", "E311", "E312", "E313", "E404")
"""The codes of what a line has against itself; the others are about bytes, JSON or several lines."""


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(read_schema(name)))


def provider_of(case: dict[str, Any]) -> str:
    words = case["argv"]
    return str(words[words.index("--provider") + 1])


def lines_of(case: dict[str, Any]) -> list[bytes]:
    path: Path = CORPUS / "cases" / case["file"]
    return path.read_bytes().split(b"\n")


def ids(case: dict[str, Any]) -> str:
    return str(case["id"])


ACCEPTED = [case for case in CASES if case["argv"][0] == "validate" and case["exit"] == 0 and "file" in case]
REJECTED = [
    case
    for case in CASES
    if case["argv"][0] == "validate" and case.get("code") in OF_ONE_LINE and "file" in case
]


def test_the_names_are_the_files() -> None:
    assert {path.stem for path in (ROOT / "batch_cli" / "schemas").iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
class TestEverySchema:
    def test_it_is_a_schema_that_says_what_it_is(self, name: str) -> None:
        schema = json.loads(read_schema(name))

        Draft202012Validator.check_schema(schema)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["$id"] == f"urn:batch-cli:schema:{name}:1"
        assert schema["title"]
        assert schema["description"]

    def test_its_examples_are_valid(self, name: str) -> None:
        examples = json.loads(read_schema(name))["examples"]

        assert examples
        for example in examples:
            assert [error.message for error in validator(name).iter_errors(example)] == []

    def test_it_refuses_what_is_nothing(self, name: str) -> None:
        nothings: list[Any] = [{}, [], None, "x", 7]
        for nothing in nothings:
            assert not validator(name).is_valid(nothing)


@pytest.mark.parametrize("case", ACCEPTED, ids=ids)
def test_what_is_accepted_is_valid_line_by_line(case: dict[str, Any]) -> None:
    checker = validator(f"{provider_of(case)}-request")
    for raw in lines_of(case):
        if raw.strip():
            assert [error.message for error in checker.iter_errors(json.loads(raw))] == []


@pytest.mark.parametrize("case", REJECTED, ids=ids)
def test_what_a_line_has_against_itself_is_not_valid(case: dict[str, Any]) -> None:
    checker = validator(f"{provider_of(case)}-request")
    lines = lines_of(case)
    for number in case["lines"]:
        assert not checker.is_valid(json.loads(lines[number - 1]))


def test_there_are_cases_of_both_kinds() -> None:
    assert len(ACCEPTED) > 20
    assert {case["code"] for case in REJECTED} >= {
        "E301",
        "E302",
        "E303",
        "E304",
        "E306",
        "E311",
        "E312",
        "E404",
    }


@pytest.mark.parametrize("name", ["msg-string", "msg-empty-list", "msg-role-missing"])
def test_a_messages_line_that_is_refused_is_not_valid(name: str) -> None:
    (case,) = [case for case in read_lines(CORPUS / "manifest.jsonl") if case["id"] == name]

    (number,) = case["lines"]
    assert not validator("messages").is_valid(json.loads(lines_of(case)[number - 1]))


@pytest.mark.parametrize("file", ["prompts.jsonl", "messages.jsonl"])
def test_the_examples_are_messages(file: str) -> None:
    checker = validator("messages")
    for line in read_lines(ROOT / "examples" / file):
        assert checker.is_valid(line)


MODELS = (
    "openai/gpt-4o-mini",
    "anthropic/claude-3-5-sonnet-20241022",
    "google/gemini-2.0-flash-001",
    "regolo/Llama",
)


@pytest.mark.parametrize("model", MODELS)
def test_what_create_writes_is_valid(cli: Cli, tmp_path: Path, model: str) -> None:
    source = str(ROOT / "examples" / "messages.jsonl")
    done = cli("create", "-i", source, "-m", model, "-r", "examples.User", "-o", "out.jsonl")
    assert done.code == 0

    checker = validator(f"{model.partition('/')[0]}-request")
    lines = read_lines(tmp_path / "out.jsonl")
    assert len(lines) == 200
    for line in lines:
        assert [error.message for error in checker.iter_errors(line)] == []


def test_what_results_writes_is_valid(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [structured(f"r{n}", "I'm Ada, 30.") for n in range(20)])
    cli(
        "submit",
        "r.jsonl",
        "-m",
        "local/simulate",
        "--wait",
        "--simulate-errors",
        "0.3",
        "--results",
        "a.jsonl",
    )
    write_lines(tmp_path / "cut.jsonl", read_lines(tmp_path / "a.jsonl")[:10])
    cli("results", "--from-file", "cut.jsonl", "--requests", "r.jsonl", "-o", "b.jsonl")

    for name in ("a.jsonl", "b.jsonl"):
        rows = read_lines(tmp_path / name)
        assert len(rows) == 20
        assert any(row["error"] for row in rows)
        for row in rows:
            assert [error.message for error in validator("results").iter_errors(row)] == []
        manifest = json.loads(manifest_path(tmp_path / name).read_text())
        assert [error.message for error in validator("manifest").iter_errors(manifest)] == []


@pytest.mark.parametrize("words", [("validate", "--json"), ("submit", "bad.jsonl", "--json")])
def test_an_error_in_json_is_valid(cli: Cli, tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "bad.jsonl").write_text("{oops\n")

    document = json.loads(cli(*words).err.splitlines()[-1])

    assert [error.message for error in validator("error").iter_errors(document)] == []


def test_an_unknown_name_is_refused_with_the_closest() -> None:
    with pytest.raises(UsageError, match="there is no schema 'result'") as caught:
        read_schema("result")

    assert caught.value.where == ("did you mean 'results'?",)
