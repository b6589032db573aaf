from __future__ import annotations

import copy
import enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from batch_cli.schema import (
    Inconvertible,
    closed_root_schema,
    gemini_schema,
    resolve_reference,
    strict_schema,
)


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Inner(BaseModel):
    """The inner part."""

    x: int = 3
    y: str | None = None


class Everything(BaseModel):
    a: str
    b: Inner = Field(description="the b")
    c: list[Inner] = []
    d: Colour = Colour.RED
    e: Literal["u", "v"] = "u"
    f: Inner | None = None
    g: Annotated[int, Field(ge=1, le=5)] = 2


class Tree(BaseModel):
    value: int
    children: list[Tree] = []


class Free(BaseModel):
    scores: dict[str, int]


INNER_STRICT = {
    "description": "The inner part.",
    "properties": {
        "x": {"default": 3, "title": "X", "type": "integer"},
        "y": {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "Y"},
    },
    "title": "Inner",
    "type": "object",
    "additionalProperties": False,
    "required": ["x", "y"],
}


class TestStrict:
    """The expected forms are what openai-python 3.52.0 sends for the same classes (compared 2026-11-21)."""

    def test_objects_are_closed_and_require_everything(self) -> None:
        assert strict_schema(Inner.model_json_schema()) == INNER_STRICT

    def test_a_reference_with_a_neighbour_is_inlined(self) -> None:
        converted = strict_schema(Everything.model_json_schema())

        assert converted["properties"]["b"] == {**INNER_STRICT, "description": "the b"}
        assert converted["properties"]["c"]["items"] == {"$ref": "#/$defs/Inner"}
        assert converted["$defs"]["Inner"] == INNER_STRICT
        assert converted["required"] == list("abcdefg")

    def test_a_default_of_null_goes_and_others_stay(self) -> None:
        converted = strict_schema(Everything.model_json_schema())

        assert "default" not in converted["properties"]["f"]
        assert converted["properties"]["g"]["default"] == 2

    def test_recursion_stays_a_reference(self) -> None:
        converted = strict_schema(Tree.model_json_schema())

        assert converted["$defs"]["Tree"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}
        assert converted["$defs"]["Tree"]["additionalProperties"] is False

    def test_all_of_one_is_inlined(self) -> None:
        converted = strict_schema(
            {"type": "object", "properties": {"a": {"allOf": [{"type": "object", "properties": {}}]}}}
        )

        assert converted["properties"]["a"] == {
            "type": "object",
            "properties": {},
            "additionalProperties": False,
            "required": [],
        }

    def test_the_source_is_never_changed(self) -> None:
        for model in (Everything, Tree, Inner):
            source = model.model_json_schema()
            before = copy.deepcopy(source)
            strict_schema(source)
            closed_root_schema(source)
            assert source == before

    def test_free_keys_are_refused_with_the_field(self) -> None:
        with pytest.raises(Inconvertible, match="scores: an object with free keys"):
            strict_schema(Free.model_json_schema())

    def test_a_reference_outside_the_schema_is_refused(self) -> None:
        with pytest.raises(Inconvertible, match="within the schema"):
            resolve_reference("https://example.com/x", {})
        with pytest.raises(Inconvertible, match="nothing is defined there"):
            resolve_reference("#/$defs/Nope", {})


def test_an_anthropic_tool_has_a_closed_object_at_the_root() -> None:
    converted = closed_root_schema(Inner.model_json_schema())

    assert converted["additionalProperties"] is False
    assert "required" not in converted


class TestGemini:
    def test_types_are_upper_case_and_the_order_of_fields_is_kept(self) -> None:
        assert gemini_schema(
            {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "integer"}}}
        ) == {
            "type": "OBJECT",
            "properties": {"b": {"type": "STRING"}, "a": {"type": "INTEGER"}},
            "propertyOrdering": ["b", "a"],
        }

    def test_or_null_becomes_nullable_however_it_is_written(self) -> None:
        for source in ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": ["string", "null"]}):
            assert gemini_schema(source) == {"type": "STRING", "nullable": True}

    def test_references_constants_and_enums_are_inlined(self) -> None:
        converted = gemini_schema(Everything.model_json_schema())

        assert converted["properties"]["d"]["enum"] == ["red", "green"]
        assert converted["properties"]["b"]["type"] == "OBJECT"
        assert converted["properties"]["f"]["nullable"] is True
        assert gemini_schema({"const": "x", "type": "string"}) == {"type": "STRING", "enum": ["x"]}

    @pytest.mark.parametrize(
        ("source", "words"),
        [
            (Tree.model_json_schema(), "contains itself"),
            (Free.model_json_schema(), "free keys"),
            ({"type": "array", "prefixItems": [{"type": "string"}]}, "prefixItems"),
            ({"type": "array"}, "anything"),
            ({"type": "nonsense"}, "no type 'nonsense'"),
            ({"type": "null"}, "no type"),
            ({"anyOf": [{"type": "null"}]}, "null alone"),
        ],
    )
    def test_what_gemini_has_no_words_for_is_refused(self, source: dict[str, Any], words: str) -> None:
        with pytest.raises(Inconvertible, match=words):
            gemini_schema(source)
