from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batch_cli.errors import DiskError, InvalidInput, UsageError
from batch_cli.serve.scenarios.built_in import BUILT_IN
from batch_cli.serve.scenarios.fields import EFFECTS, FAULTS
from batch_cli.serve.scenarios.reading import decode, load, parse
from batch_cli.serve.scenarios.scenario import Choice, Route, together

RULE = {"route": "GET /x", "fault": "reset"}


def problems(document: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        decode(document, "x")
    return {problem.path or "": problem.message for problem in refused.value.problems}


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_that_is_built_in_can_be_read_and_says_what_it_does(name: str) -> None:
    scenario = load(name)

    assert scenario.name == name
    assert scenario.about
    assert scenario.rules or scenario.batches or name == "ok"


def test_the_built_in_ones_use_every_fault_but_those_for_single_tests() -> None:
    used = {rule.fault for name in BUILT_IN for rule in load(name).rules}
    befalls = {effect for name in BUILT_IN for rule in load(name).batches for effect in rule.effects}

    assert set(FAULTS) - used == {"ignore_range"}
    assert befalls == set(EFFECTS)


def test_all_that_is_wrong_is_told_together() -> None:
    document = {
        "seeds": 1,
        "seed": "7",
        "rules": [
            {"route": "POST v1", "fault": "rest"},
            {"route": "GET /x", "fault": "status", "status": 99, "when": "later", "nth": 0},
            {"route": "GET /x", "fault": "delay", "nth": 1, "every": 2, "sceonds": 1},
            7,
        ],
        "batches": [{"stop": "dead", "shuffle": 1}, {"after": 0.5}, {"failing": 2, "reject": {"cod": "x"}}],
    }

    found = problems(document)

    assert set(found) == {
        "seeds",
        "seed",
        "rules[0].route",
        "rules[0].fault",
        "rules[1].status",
        "rules[1].when",
        "rules[1].nth",
        "rules[2]",
        "rules[2].sceonds",
        "rules[2].seconds",
        "rules[3]",
        "batches[0].stop",
        "batches[0].shuffle",
        "batches[1].after",
        "batches[2].failing",
        "batches[2].reject.cod",
    }
    assert "did you mean 'seed'?" in found["seeds"]
    assert "did you mean 'reset'?" in found["rules[0].fault"]
    assert "one of before, after" in found["rules[1].when"]
    assert "only one of them" in found["rules[2]"]
    assert "did you mean 'seconds'?" in found["rules[2].sceonds"]


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], ""),
        ({"rules": {}}, "rules"),
        ({"rules": [RULE] * 1001}, "rules"),
        ({"seed": True}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"description": 1}, "description"),
        ({"rules": [{"fault": "reset"}]}, "rules[0].route"),
        ({"rules": [{"route": "GET /x"}]}, "rules[0].fault"),
        ({"rules": [{**RULE, "route": "get /x"}]}, "rules[0].route"),
        ({"rules": [{**RULE, "route": "GET /" + "*/" * 9}]}, "rules[0].route"),
        ({"rules": [{**RULE, "nth": []}]}, "rules[0].nth"),
        ({"rules": [{**RULE, "nth": [1, True]}]}, "rules[0].nth"),
        ({"rules": [{**RULE, "first": 0}]}, "rules[0].first"),
        ({"rules": [{**RULE, "every": 1.5}]}, "rules[0].every"),
        ({"rules": [{**RULE, "share": 1.1}]}, "rules[0].share"),
        ({"rules": [{"route": "GET /x", "fault": "status"}]}, "rules[0].status"),
        (
            {"rules": [{"route": "GET /x", "fault": "body", "headers": {"a b": "c"}}]},
            "rules[0].headers",
        ),
        (
            {"rules": [{"route": "GET /x", "fault": "body", "headers": {"a": "b\r\nc: d"}}]},
            "rules[0].headers",
        ),
        (
            {"rules": [{"route": "GET /x", "fault": "status", "status": 429, "retry_after": "1\n"}]},
            "rules[0].retry_after",
        ),
    ],
)
def test_one_thing_wrong_is_placed(document: Any, path: str) -> None:
    assert set(problems(document)) == {path}


def test_what_is_left_out_has_its_default() -> None:
    (rule,) = decode({"rules": [{"route": "* /a/**", "fault": "html"}]}, "x").rules

    assert rule.settings == {"status": 502, "when": "before"}
    assert rule.choice == Choice()


def test_a_file_is_named_after_itself(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"seed": 3, "rules": [RULE]}))

    scenario = load(str(path))

    assert (scenario.name, scenario.seed, len(scenario.rules)) == ("mine", 3, 1)


def test_text_that_is_no_json_is_placed_by_line_and_column() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(b'{\n  "seed": 1,\n  "rules": [,]\n}', "x", "x.json")

    (problem,) = refused.value.problems
    assert (problem.file, problem.line, problem.column) == ("x.json", 3, 13)


def test_a_name_that_is_none_gets_the_closest_one() -> None:
    with pytest.raises(UsageError) as refused:
        load("expired-partail")

    assert refused.value.where == ("did you mean 'expired-partial'?",)


def test_a_file_that_is_not_there_is_a_disk_error(tmp_path: Path) -> None:
    with pytest.raises(DiskError):
        load(str(tmp_path / "none.json"))


def test_a_file_without_an_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "large.json").write_bytes(b" " * 2_000_000)

    with pytest.raises(InvalidInput, match="more than 1,000,000 bytes"):
        load(str(tmp_path / "large.json"))


@pytest.mark.parametrize(
    ("route", "method", "path", "hit"),
    [
        ("GET /v1/files/*/content", "GET", "/v1/files/a/content", True),
        ("GET /v1/files/*/content", "POST", "/v1/files/a/content", False),
        ("GET|POST /v1/files", "POST", "/v1/files", True),
        ("* /v1/files/*", "DELETE", "/v1/files/a/b", False),
        ("* /v1*/models/*:batch*", "POST", "/v1beta/models/m:batchGenerateContent", True),
        ("* /v1/**", "GET", "/v1/a/b", True),
        ("* /v1/**", "GET", "/v1", False),
        ("* /**", "GET", "/", True),
        ("* /**", "GET", "/" + "a" * 3_000, False),
    ],
)
def test_a_route_matches_by_method_and_segments(route: str, method: str, path: str, *, hit: bool) -> None:
    assert Route(route).matches(method, path) is hit


@pytest.mark.parametrize(
    ("choice", "hit"),
    [
        (Choice(), [1, 2, 3, 4, 5, 6]),
        (Choice(nth=frozenset([2, 5])), [2, 5]),
        (Choice(first=2), [1, 2]),
        (Choice(every=3), [3, 6]),
        (Choice(share=0.5), [1, 3, 5]),
        (Choice(share=0), []),
    ],
)
def test_a_choice_hits_by_number_or_by_luck(choice: Choice, hit: list[int]) -> None:
    luck = [0.9, 0.1, 0.9, 0.4, 0.9, 0.0, 0.9]

    assert [number for number in range(1, 7) if choice.hits(number, luck[number])] == hit


def test_several_play_one_after_the_other_and_the_first_seed_counts() -> None:
    both = together([load("429"), decode({"seed": 5, "rules": [RULE]}, "x"), decode({"seed": 6}, "y")])

    assert both.name == "429+x+y"
    assert both.seed == 5
    assert [rule.fault for rule in both.rules] == ["status", "reset"]


def test_all_entries_that_hit_a_batch_befall_it_and_the_later_wins() -> None:
    entries = [{"failing": 0.1, "shuffle": True}, {"nth": 2, "failing": 0.9}]
    scenario = decode({"batches": entries}, "x")

    assert scenario.effects(0, 1) == {"failing": 0.1, "shuffle": True}
    assert scenario.effects(0, 2) == {"failing": 0.9, "shuffle": True}
