"""What ``results`` writes besides the results: the failed rows apart, JUnit, a summary for GitHub."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from batch_cli.cli.console import Console
from batch_cli.cli.inputs import is_same_file
from batch_cli.cli.reports.failed_row import MOST_ROWS, FailedRow
from batch_cli.cli.text import plural
from batch_cli.errors import ConfigError, UsageError, disk_error, quoted
from batch_cli.files import PartFile, write_atomically
from batch_cli.results import OutputRow, Summary, manifest_path

_SUMMARY_FILE = "GITHUB_STEP_SUMMARY"


@dataclass(frozen=True, slots=True)
class ExtrasWanted:
    """What the options ask for."""

    errors: str | None = None
    junit: str | None = None
    github_summary: bool = False

    @property
    def nothing(self) -> bool:
        """Tell whether no row has to be looked at for them."""
        return self.errors is None and self.junit is None and not self.github_summary


class Extras:
    """Watches the rows go by; its files get their names only when the results have theirs."""

    def __init__(self, wanted: ExtrasWanted, environment: Mapping[str, str], *others: str | None) -> None:
        """Take what is wanted, and the ``others``: the files that the same run reads and writes.

        Raises:
            UsageError: one of the files is another one of this run, or holds results with their proof.
            ConfigError: there is no place for GitHub's summary.
        """
        self._wanted = wanted
        self._summary_file = environment.get(_SUMMARY_FILE, "")
        if wanted.github_summary and not self._summary_file:
            raise ConfigError(
                f"--github-summary: {_SUMMARY_FILE} is not set",
                hint="leave the option out: only a step of GitHub Actions has a summary",
            )
        _refuse_same(wanted, [name for name in others if name not in (None, "-")])
        self._stack = ExitStack()
        self._errors: PartFile | None = None
        self._kept: list[FailedRow] = []
        self._failed = 0

    def __enter__(self) -> Self:
        """Begin to write."""
        if self._wanted.errors is not None:
            self._errors = self._stack.enter_context(PartFile(Path(self._wanted.errors)))
        return self

    def __exit__(self, *failure: object) -> None:
        """Let go of what was not finished."""
        self._stack.close()

    def watch(self, row: OutputRow) -> None:
        """Take a row; only a failed one is kept, its line in a file and the first hundreds in memory."""
        if row.error is None:
            return
        self._failed += 1
        if self._errors is not None:
            self._errors.write(row.line + b"\n")
        if len(self._kept) < MOST_ROWS:
            self._kept.append(FailedRow.of(row.custom_id, row.error))

    def finish(self, console: Console, summary: Summary, title: str) -> None:
        """Give the files their names, and GitHub its summary and annotations.

        Raises:
            DiskError: a file cannot be written.
        """
        if self._errors is not None:
            self._errors.commit()
            console.say(f"Failed rows saved to: {self._wanted.errors} ({plural(self._failed, 'row')})")
        if self._wanted.junit is not None:
            from batch_cli.cli.reports.result_junit import junit_xml  # noqa: PLC0415 - XML, only here

            write_atomically(Path(self._wanted.junit), junit_xml(title, summary, self._kept))
        if self._wanted.github_summary:
            from batch_cli.cli.reports.result_github import annotation_lines, markdown  # noqa: PLC0415

            _append(Path(self._summary_file), markdown(title, summary, self._kept))
            for line in annotation_lines(title, summary):
                console.talk(line)


def _refuse_same(wanted: ExtrasWanted, others: list[str | None]) -> None:
    for option, name in (("--errors", wanted.errors), ("--junit", wanted.junit)):
        if name is None:
            continue
        if name == "-":
            raise UsageError(f"{option} needs a file of its own", hint=f"name a file: {option} FILE")
        if any(_are_same(name, other) for other in others):
            raise UsageError(
                f"{option} names a file that this run reads or writes", hint="choose another name"
            )
        if manifest_path(Path(name)).exists():
            raise UsageError(
                f"{option}: {quoted(name)} holds results with their proof", hint="choose another name"
            )
        others.append(name)


def _are_same(name: str, other: str | None) -> bool:
    if other is None:
        return False
    return is_same_file(name, other) or os.path.realpath(name) == os.path.realpath(other)


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
    except OSError as error:
        raise disk_error(error, path, doing="writing") from error
