from __future__ import annotations

import json
from typing import Any

import pytest

from batch_cli.errors import UsageError
from batch_cli.jobs.selection import Only, Where, Wish, is_billing, kind_of
from batch_cli.model import ResultError
from batch_cli.results import OutputRow


def row(
    kind: str | None, code: str | None = None, *, retryable: bool = False, status: int | None = None
) -> OutputRow:
    response = None if status is None else {"status_code": status, "body": {"x": [{"y": "deep"}]}}
    error = None if kind is None else ResultError(kind, f"it said {kind}", code, retryable=retryable)
    said = None if error is None else {"type": kind, "code": code or kind, "message": error.message}
    line = {"custom_id": "a", "id": None, "response": response, "error": said}
    return OutputRow("a", json.dumps(line).encode(), response, error)


GOOD = row(None, status=200)
MISSING = row("missing")
EXPIRED = row("batch_expired", "batch_expired")
REFUSED = row("invalid_request_error", status=400)
LIMITED = row("rate_limit_exceeded", retryable=True, status=429)
OFF_SCHEMA = row("schema_mismatch", status=200)
BROKE = row("insufficient_quota", status=429)
BAD = [MISSING, EXPIRED, REFUSED, LIMITED, OFF_SCHEMA, BROKE]


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (MISSING, Only.MISSING),
        (EXPIRED, Only.EXPIRED),
        (row("expired", "expired"), Only.EXPIRED),
        (REFUSED, Only.FAILED),
        (LIMITED, Only.FAILED),
        (row("cancelled", "canceled"), Only.FAILED),
        (OFF_SCHEMA, Only.INVALID),
    ],
)
def test_each_row_is_of_one_kind(one: OutputRow, kind: Only) -> None:
    assert kind_of(one) is kind


class TestWish:
    def test_without_options_it_is_what_may_succeed_unchanged(self) -> None:
        assert [one for one in BAD if Wish().takes(one)] == [MISSING, EXPIRED, LIMITED]

    @pytest.mark.parametrize(
        ("only", "expected"),
        [
            (Only.MISSING, [MISSING]),
            (Only.EXPIRED, [EXPIRED]),
            (Only.FAILED, [REFUSED, LIMITED, BROKE]),
            (Only.INVALID, [OFF_SCHEMA]),
            (Only.ALL, BAD),
        ],
    )
    def test_only_takes_a_kind_whether_it_may_succeed_or_not(
        self, only: Only, expected: list[OutputRow]
    ) -> None:
        assert [one for one in BAD if Wish(frozenset((only,))).takes(one)] == expected

    def test_a_good_answer_is_never_sent_again(self) -> None:
        everything = (Wish(), Wish(frozenset((Only.ALL,))), Wish(where=(Where.parse("custom_id==a"),)))
        assert not any(one.takes(GOOD) for one in everything)

    def test_conditions_alone_take_every_kind(self) -> None:
        assert [one for one in BAD if Wish(where=(Where.parse("error.code==400"),)).takes(one)] == [REFUSED]

    def test_conditions_and_kinds_narrow_each_other(self) -> None:
        where = (Where.parse("response.status_code==429"), Where.parse("error.code!=insufficient_quota"))
        assert [one for one in BAD if Wish(frozenset((Only.FAILED,)), where).takes(one)] == [LIMITED]

    def test_want_of_money_is_asked_for_apart(self) -> None:
        assert [one for one in BAD if is_billing(one)] == [BROKE]
        assert Wish(with_billing=True).takes(BROKE)
        assert not Wish(with_billing=True).takes(REFUSED)


class TestWhere:
    @pytest.mark.parametrize(
        ("text", "holds"),
        [
            ("error.code==429", True),
            ('error.code=="429"', True),
            ("error.code!=429", False),
            ("error.code==rate_limit_exceeded", True),
            ('error.code == "rate_limit_exceeded" ', True),
            ("error.code==42", False),
            ("error.message~limit", True),
            ("error.message~LIMIT", False),
            ("response.body.x.0.y==deep", True),
            ("response.body.x.7.y==deep", False),
            ("response.body.x.y==null", True),
            ("id==null", True),
            ("nowhere.at.all==null", True),
            ("nowhere!=1", True),
        ],
    )
    def test_it_looks_at_a_field(self, text: str, *, holds: bool) -> None:
        assert Where.parse(text).holds(json.loads(LIMITED.line)) is holds

    @pytest.mark.parametrize(
        "text",
        ["", "error.code", "error.code=429", "==429", "error code==1", "error.code==", "__import__('os')"],
    )
    def test_what_is_no_condition_is_refused_with_an_example(self, text: str) -> None:
        with pytest.raises(UsageError, match="not a condition") as caught:
            Where.parse(text)
        assert "error.code==429" in str(caught.value.hint)

    @pytest.mark.parametrize("hostile", ["\x1b[2J", "a\nb", "==", '"', "{}", "\u202e", "' or 1=1 --"])
    def test_any_text_can_be_looked_for(self, hostile: str) -> None:
        line: Any = {"custom_id": hostile}
        assert Where.parse(f"custom_id=={json.dumps(hostile)}").holds(line)
