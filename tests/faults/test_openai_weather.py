"""Whatever goes wrong with any request, a batch is made once, billed once, and its results are all here in the end."""

from __future__ import annotations

import pytest

from tests.faults.conftest import RESULTS, SUBMIT, WAIT, Life
from tests.faults.weather import FAULTS, LASTING, ROUTES, Fault
from tests.support import Done


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_that_passes_is_never_noticed(life: Life, fault: Fault) -> None:
    life.play(*(fault.at(place, nth=1) for place in ROUTES))

    for words in (SUBMIT, WAIT, RESULTS):
        done = life.run(*words)
        assert done.code == 0, done.err

    life.check()


@pytest.mark.soak
@pytest.mark.parametrize("fault", LASTING, ids=lambda fault: fault.name)
def test_the_same_command_goes_on_when_a_lasting_fault_is_over(life: Life, fault: Fault) -> None:
    steps = (
        (("upload",), SUBMIT),
        (("upload", "create") if "upload" not in fault.ends else ("create",), SUBMIT),
        (("poll",), WAIT),
        (("results",), RESULTS),
    )
    for places, words in steps if "upload" in fault.ends else steps[1:]:
        code = fault.ends.get(places[-1], 0)
        life.play(*(fault.at(place) for place in places))
        done = life.run(*words, *(("--max-wait", "2s") if code and words is WAIT else ()))
        assert done.code == code, (places, done.err)
        if code:
            says_what_where_and_how(done)
        life.play()
        if places != ("upload",):
            done = life.run(*words)
            assert done.code == 0, (places, done.err)

    life.check()


def says_what_where_and_how(done: Done) -> None:
    lines = done.err.strip().split("\n")
    first = next(at for at, line in enumerate(lines) if line.startswith("Error: "))
    assert not done.out
    assert 2 <= len(lines) - first <= 4, done.err
    if done.code in (6, 11):
        assert len(lines) - first == 3, done.err
        assert lines[-1].startswith("  fix: run the same command again"), done.err
