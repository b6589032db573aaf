from __future__ import annotations

import errno
import traceback

import pytest

from batch_cli.errors import (
    BatchCliError,
    ConfigError,
    ExitCode,
    InvalidInput,
    NothingUsable,
    Problem,
    ProblemLog,
    Severity,
    StateError,
    UsageError,
    disk_error,
    quoted,
)


def test_every_exit_code_has_a_meaning() -> None:
    for code in ExitCode:
        assert code.meaning


@pytest.mark.parametrize(
    ("kind", "code"),
    [(UsageError, 2), (InvalidInput, 3), (ConfigError, 4), (StateError, 9), (NothingUsable, 10)],
)
def test_each_error_carries_its_exit_code(kind: type[BatchCliError], code: int) -> None:
    assert kind.exit_code == code


def test_the_docstring_is_the_default_message() -> None:
    assert BatchCliError().message == "Something went wrong"


def test_a_place_is_written_for_editors_as_far_as_it_is_known() -> None:
    assert Problem("E1", "x", file="a.jsonl", line=3, column=7).place == "a.jsonl:3:7"
    assert Problem("E1", "x", file="a.jsonl").place == "a.jsonl"


def test_a_disk_error_names_the_path_and_the_cause() -> None:
    error = disk_error(OSError(errno.ENOSPC, "x"), "/data/out", doing="writing")

    assert error.message == "no space left while writing '/data/out'"
    assert error.exit_code == ExitCode.IO
    assert error.hint == "free some space, then run the same command again"


def test_an_unknown_disk_error_keeps_the_systems_words() -> None:
    assert "strange" in disk_error(OSError(9999, "strange"), "f", doing="reading").message


def test_a_long_name_is_shortened_in_the_middle() -> None:
    assert quoted("a" * 100, 21) == f"'{'a' * 10}…{'a' * 10}'"


class TestProblemLog:
    def test_it_counts_everything_and_keeps_the_first(self) -> None:
        log = ProblemLog(2)
        for line in range(5):
            log.add(Problem("E1", "x", line=line))

        assert (log.errors, [p.line for p in log.kept]) == (5, [0, 1])

    def test_an_error_pushes_a_warning_out(self) -> None:
        log = ProblemLog(2)
        log.add(Problem("W1", "w", severity=Severity.WARNING))
        log.add(Problem("W2", "w", severity=Severity.WARNING))
        log.add(Problem("E1", "e"))

        assert [p.code for p in log.kept] == ["W1", "E1"]

    def test_warnings_alone_refuse_nothing(self) -> None:
        log = ProblemLog()
        log.add(Problem("W1", "w", severity=Severity.WARNING))

        log.refuse_errors("f")

    def test_errors_are_raised_together_with_their_total(self) -> None:
        log = ProblemLog(1)
        log.add(Problem("E301", "a"))
        log.add(Problem("E302", "b"))

        with pytest.raises(InvalidInput, match="f is not valid: 2 problems") as caught:
            log.refuse_errors("f")
        assert (caught.value.total, caught.value.reference) == (2, "E301")


def test_a_traceback_tells_where_and_how_to_fix_it_without_what_terminals_obey() -> None:
    problems = (Problem("E301", "missing body.model", file="a\x1b[2J.jsonl", line=3),)

    error = InvalidInput("a.jsonl is not valid", where="line 3", hint="name it", problems=problems)

    shown = "".join(traceback.format_exception_only(error)).splitlines()
    assert shown[-4:] == [
        "batch_cli.errors.InvalidInput: a.jsonl is not valid",
        "line 3",
        "fix: name it",
        r"a\x1b[2J.jsonl:3: missing body.model",
    ]
