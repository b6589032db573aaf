"""Side files: what came with the results of a batch and is no row of its output, kept beside it as it came."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Self

from batch_cli.files import PartFile
from batch_cli.row_index import Stray, StrayKind

_SUFFIXES = {
    StrayKind.CONFLICT: "conflicts",
    StrayKind.UNKNOWN: "unknown",
    StrayKind.DAMAGED: "damaged",
}


def side_path(output: Path, kind: StrayKind) -> Path:
    """Give where strays of a kind are kept."""
    return output.with_name(side_name(output.name, kind))


def side_name(output: str, kind: StrayKind) -> str:
    """Give what the file of a kind is called beside an output, which may be an object."""
    return f"{output}.{_SUFFIXES[kind]}.jsonl"


class SideFiles:
    """``OUT.conflicts.jsonl``, ``OUT.unknown.jsonl``, ``OUT.damaged.jsonl``: there only if something is in them."""

    def __init__(self, output: Path | None) -> None:
        """Keep strays beside ``output``; None keeps nothing."""
        self._output = output
        self._parts: dict[StrayKind, PartFile] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Give the files themselves."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was not committed."""
        self._stack.close()

    def add(self, stray: Stray) -> None:
        """Keep a stray; what only repeats a row is not kept.

        Raises:
            DiskError: it cannot be written.
        """
        if self._output is None or stray.kind not in _SUFFIXES:
            return
        part = self._parts.get(stray.kind)
        if part is None:
            part = self._parts[stray.kind] = self._stack.enter_context(
                PartFile(side_path(self._output, stray.kind))
            )
        part.write(stray.line.rstrip(b"\r\n") + b"\n")

    def commit(self) -> None:
        """Give the files their names. Call it before the output gets its own: a run in between is repeatable."""
        for part in self._parts.values():
            part.commit()
