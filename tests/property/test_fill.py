"""The simulated model's promise: what it answers validates against the schema, whatever schema and text."""

from __future__ import annotations

from typing import Any

import jsonschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch_cli.engine.handlers.simulate.fill import fill
from batch_cli.engine.handlers.simulate.values import Unfillable

NAMES = st.sampled_from(
    [
        "name",
        "age",
        "email",
        "city",
        "is_active",
        "tags",
        "people",
        "price",
        "birthday",
        "status",
        "notes",
        "x",
        "job_title",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "I'm Ada, 36, from London; mail ada@example.org. I love maths, tea and trains.",
            "Order 3 boxes at $9.99 before 2024-05-01, not urgent.",
            "Anna is 30 and Ben is 31.",
        ]
    ),
)


def numbers(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"type": st.just(kind)},
        optional={
            "minimum": st.integers(-50, 50),
            "maximum": st.integers(-50, 50),
            "exclusiveMinimum": st.integers(-50, 50),
            "exclusiveMaximum": st.integers(-50, 50),
            "multipleOf": st.sampled_from([1, 2, 5, 7]),
        },
    )


STRINGS = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={
        "minLength": st.integers(0, 30),
        "maxLength": st.integers(0, 60),
        "format": st.sampled_from(["email", "date", "date-time", "uri", "uuid", "time"]),
        "pattern": st.sampled_from(["^[a-z]+$", r"^\d{3}-\d{2}$", "x", "^(a|b)c?$"]),
    },
)
SCALARS = st.one_of(
    STRINGS,
    numbers("integer"),
    numbers("number"),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.builds(
        lambda values: {"enum": values},
        st.lists(st.sampled_from(["red", "Ada", 3, None, True]), min_size=1, max_size=3, unique_by=repr),
    ),
    st.builds(lambda value: {"const": value}, st.sampled_from(["k", 1, None])),
)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    def build(properties: dict[str, Any], optional: set[str], *, closed: bool) -> dict[str, Any]:
        required = [name for name in properties if name not in optional]
        return {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": not closed,
        }

    return st.builds(build, st.dictionaries(NAMES, inner, max_size=4), st.sets(NAMES), closed=st.booleans())


def arrays(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda items, extra: {"type": "array", "items": items, **extra},
        inner,
        st.fixed_dictionaries(
            {},
            optional={
                "minItems": st.integers(0, 3),
                "maxItems": st.integers(0, 5),
                "uniqueItems": st.booleans(),
            },
        ),
    )


SCHEMAS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        objects(inner),
        arrays(inner),
        st.builds(lambda branches: {"anyOf": branches}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda branches: {"oneOf": branches}, st.lists(inner, min_size=1, max_size=2)),
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(SCHEMAS, TEXTS)
def test_every_answer_validates_or_the_schema_is_refused(schema: dict[str, Any], text: str) -> None:
    try:
        value = fill(schema, text)
    except Unfillable:
        return

    jsonschema.Draft202012Validator(schema).validate(value)
    assert fill(schema, text) == value


@settings(deadline=None, max_examples=200)
@given(
    objects(
        st.one_of(st.just({"type": "string"}), st.just({"type": "integer"}), st.just({"type": "boolean"}))
    ),
    TEXTS,
)
def test_plain_objects_are_never_refused(schema: dict[str, Any], text: str) -> None:
    jsonschema.Draft202012Validator(schema).validate(fill(schema, text))
