"""Whatever a scenario document holds, it is read or refused, and what is read can be played."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from batch_cli.errors import InvalidInput, Problem
from batch_cli.serve.scenarios.fields import CHOICES, EFFECTS, FAULTS
from batch_cli.serve.scenarios.reading import decode
from batch_cli.serve.scenarios.scenario import Scenario
from batch_cli.serve.scenarios.stage import Stage

_NAMES = sorted(
    {"description", "seed", "rules", "batches", "route", "fault", *CHOICES, *EFFECTS}
    | {name for fault in FAULTS.values() for name in fault.settings}
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 700)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([*FAULTS, "before", "after", "expired", "GET /x", "* /**", "a\r\nb", "é"])
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4),
    max_leaves=12,
)
_RULES = st.fixed_dictionaries(
    {"route": st.sampled_from(["GET /x", "* /**"]), "fault": st.sampled_from(sorted(FAULTS))},
    optional=dict.fromkeys(("nth", "first", "every", "share", "when", "status", "seconds", "text"), _VALUES),
)
_DOCUMENTS = _VALUES | st.fixed_dictionaries(
    {},
    optional={
        "seed": st.integers() | _VALUES,
        "rules": st.lists(_RULES, max_size=3) | _VALUES,
        "batches": st.lists(st.dictionaries(st.sampled_from([*CHOICES, *EFFECTS]), _VALUES), max_size=3),
    },
)


@given(_DOCUMENTS)
def test_every_document_is_refused_with_its_problems_or_played_the_same_every_time(document: Any) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        scenario: Scenario | None = decode(document, "x")
    except InvalidInput as refused:
        scenario, problems = None, refused.problems

    if scenario is None:
        assert problems
        return
    first, second = (list(_play(scenario)) for _ in range(2))
    assert first == second


def _play(scenario: Scenario) -> Iterator[Any]:
    stage = Stage(scenario, 1, lambda _: None)
    for _ in range(3):
        rule = stage.fault("GET", "/x")
        if rule is not None:
            assert set(rule.settings) == set(FAULTS[rule.fault].settings)
        yield rule, stage.effects()
    yield stage.state()
