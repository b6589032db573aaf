from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from batch_cli.demo import PROMPTS, User
from batch_cli.engine.handlers.simulate.fill import fill
from batch_cli.engine.handlers.simulate.values import Unfillable
from tests.support import SCHEMA

TEXT = (
    "Hello, I am Peter Novak, a 41 year old plumber from Prague. I'm not married but have 2 children. I love"
    " fishing, chess and old cars. Born on 3 May 1984. I earn $45,500.50 a year. Write to peter@novak.cz."
)
EXPECTED = {
    "Alice": 28, "Bob": 35, "Sarah": 42, "John": 29, "Emma": 33,
    "Michael": 45, "Lisa": 31, "David": 38, "Jessica": 26, "Ryan": 41,
}  # fmt: skip


def test_the_ten_prompts_give_the_ten_people() -> None:
    people = [fill(User.model_json_schema(), prompt) for prompt in PROMPTS]

    assert {person["name"]: person["age"] for person in people} == EXPECTED


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize(("name", "age"), [("Ngozi", 57), ("Bartholomew", 19)])
def test_other_names_and_ages_in_the_same_sentences_work_as_well(prompt: str, name: str, age: int) -> None:
    """Nothing is keyed to the ten: each sentence is told with somebody else in it."""
    (old_name,) = [known for known in EXPECTED if known in prompt]
    old_age = str(EXPECTED[old_name])
    told = prompt.replace(old_name, name).replace(old_age, str(age)).replace("twenty-six", str(age))

    assert fill(SCHEMA, told) == {"name": name, "age": age}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "object", "properties": {"full_name": {"type": "string"}}}, {"full_name": "Peter Novak"}),
        ({"type": "object", "properties": {"firstName": {"type": "string"}}}, {"firstName": "Peter"}),
        ({"type": "object", "properties": {"last_name": {"type": "string"}}}, {"last_name": "Novak"}),
        (
            {"type": "object", "properties": {"contact": {"type": "string", "format": "email"}}},
            {"contact": "peter@novak.cz"},
        ),
        (
            {"type": "object", "properties": {"birthday": {"type": "string", "format": "date"}}},
            {"birthday": "1984-05-03"},
        ),
        ({"type": "object", "properties": {"city": {"type": "string"}}}, {"city": "Prague"}),
        ({"type": "object", "properties": {"job": {"type": "string"}}}, {"job": "plumber"}),
        ({"type": "object", "properties": {"is_married": {"type": "boolean"}}}, {"is_married": False}),
        ({"type": "object", "properties": {"children": {"type": "integer"}}}, {"children": 2}),
        ({"type": "object", "properties": {"salary": {"type": "number"}}}, {"salary": 45500.5}),
        (
            {"type": "object", "properties": {"hobbies": {"type": "array", "items": {"type": "string"}}}},
            {"hobbies": ["fishing", "chess", "old cars"]},
        ),
        (
            {
                "type": "object",
                "properties": {
                    "person": {
                        "type": "object",
                        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
                    }
                },
            },
            {"person": {"name": "Peter Novak", "age": 41}},
        ),
        (
            {"type": "object", "properties": {"phone": {"type": ["string", "null"]}}, "required": ["phone"]},
            {"phone": None},
        ),
        ({"type": "object", "properties": {"trade": {"enum": ["baker", "plumber"]}}}, {"trade": "plumber"}),
    ],
)
def test_a_field_takes_what_the_text_offers_for_its_name_and_type(schema: Any, expected: Any) -> None:
    assert fill(schema, TEXT) == expected


def test_a_list_of_objects_has_one_for_each_person() -> None:
    schema = {"type": "object", "properties": {"people": {"type": "array", "items": SCHEMA}}}

    assert fill(schema, "Anna is 30 and Ben is 31. Their friend Carla, 29, lives in Rome.") == {
        "people": [{"name": "Anna", "age": 30}, {"name": "Ben", "age": 31}, {"name": "Carla", "age": 29}]
    }


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("I love it, great value!", "positive"),
        ("Terrible, it arrived broken.", "negative"),
        ("It is blue.", "neutral"),
    ],
)
def test_a_mood_is_judged_by_praise_and_complaint(text: str, mood: str) -> None:
    assert fill({"enum": ["negative", "neutral", "positive"]}, text) == mood


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "minLength": 20, "maxLength": 25},
        {"type": "string", "maxLength": 3},
        {"type": "string", "pattern": "^[A-Z]{2}-\\d{4}$"},
        {"type": "string", "pattern": "^(foo|bar)+[^a-z]$"},
        {"type": "string", "format": "uuid"},
        {"type": "integer", "minimum": 100, "maximum": 110},
        {"type": "integer", "exclusiveMinimum": 5, "multipleOf": 7},
        {"type": "number", "exclusiveMaximum": 1, "minimum": 0.5},
        {"type": "number", "multipleOf": 0.25},
        {"type": "array", "items": {"type": "integer"}, "minItems": 5, "uniqueItems": True},
        {"type": "array", "items": {"type": "string"}, "minItems": 3, "maxItems": 3},
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
        {"oneOf": [{"type": "string", "maxLength": 2}, {"type": "integer"}]},
        {
            "allOf": [
                {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
                {"required": ["b"]},
            ]
        },
        {"type": "object", "required": ["x"], "additionalProperties": {"type": "integer"}},
        {"const": {"deep": [1]}},
        {},
        {"type": ["integer", "null"]},
        {"minimum": 3},
    ],
)
@pytest.mark.parametrize("text", ["", TEXT, "12 34 AB-1234 x@y.org"])
def test_bounds_lengths_and_patterns_are_kept(schema: Any, text: str) -> None:
    jsonschema.Draft202012Validator(schema).validate(fill(schema, text))


def test_a_schema_that_contains_itself_ends() -> None:
    tree = {
        "$defs": {
            "Tree": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
                },
                "required": ["name", "children"],
            }
        },
        "$ref": "#/$defs/Tree",
    }

    value = fill(tree, "Anna and Ben and Carla")

    jsonschema.Draft202012Validator(tree).validate(value)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": 5, "maximum": 3},
        {"enum": []},
        {"type": "string", "pattern": "(?=x)y"},
        {"type": "string", "pattern": "("},
        {"not": {}},
        {"$ref": "#/nowhere"},
        {"$defs": {"A": {"$ref": "#/$defs/A"}}, "$ref": "#/$defs/A"},
        {"type": "object", "properties": {"a": False}, "required": ["a"]},
        {"type": "nonsense"},
    ],
)
def test_what_cannot_be_kept_is_refused_and_never_answered_wrongly(schema: Any) -> None:
    with pytest.raises(Unfillable):
        fill(schema, TEXT)


def test_the_same_text_gives_the_same_answer() -> None:
    assert fill(SCHEMA, TEXT) == fill(SCHEMA, TEXT)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}, "minItems": 1_000_000_000},
        {"type": "string", "minLength": 1_000_000_000},
        {
            "type": "array",
            "minItems": 1_000,
            "items": {"type": "array", "minItems": 1_000, "items": {"type": "integer"}},
        },
        {"type": "array", "minItems": 9_000, "items": {"const": ["x" * 10_000]}},
        {"type": "array", "minItems": 9_000, "items": {"enum": ["x" * 10_000]}},
        {"type": "array", "minItems": 9_000, "items": {"type": "string", "minLength": 100_000}},
        {"type": "string", "pattern": "^(((x{5000}){5000}){5000})$"},
    ],
)
def test_an_answer_larger_than_any_memory_is_refused_at_once(schema: Any) -> None:
    with pytest.raises(Unfillable):
        fill(schema, TEXT)


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ({"type": "string", "minLength": "x"}, "minLength"),
        ({"type": "object", "properties": []}, "properties"),
        ({"type": "object", "required": 5}, "required"),
        ({"type": "number", "minimum": None}, "minimum"),
        ({"$ref": 5}, r"\$ref"),
        ({"type": "string", "pattern": 5}, "pattern"),
    ],
)
def test_what_is_no_schema_is_said_to_be_none(schema: Any, where: str) -> None:
    with pytest.raises(Unfillable, match=f"not valid at {where}"):
        fill(schema, TEXT)


def test_only_the_beginning_of_an_endless_text_is_read() -> None:
    assert fill(SCHEMA, "I am Ada, 36 years old. " + "1 " * 10_000_000)["name"] == "Ada"
