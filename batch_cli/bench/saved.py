"""Runs kept in files, for later ones to be compared with."""

from __future__ import annotations

import math
from pathlib import Path

from batch_cli import __version__
from batch_cli.bench.gate import Run
from batch_cli.errors import InvalidInput, quoted
from batch_cli.files import open_input, write_atomically
from batch_cli.jsonl import dumps, loads
from batch_cli.model import JsonObject

SCHEMA = "batch_cli.bench_run/v1"


def save(path: Path, facts: JsonObject, run: Run) -> None:
    """Write a run with the response time of every good call.

    Raises:
        DiskError: it cannot be written.
    """
    document = {"schema": SCHEMA, "tool_version": __version__, **facts, "times_ms": list(run.times_ms)}
    write_atomically(path, dumps(document) + b"\n")


def load(path: Path) -> tuple[Run, JsonObject]:
    """Read a run that was saved, and what else was said of it. It is read whole: some 10 bytes a call.

    Raises:
        InvalidInput: it is none.
    """
    with open_input(path) as stream:
        raw = stream.read()
    try:
        document = loads(raw)
    except ValueError:
        document = None
    times = document.get("times_ms") if isinstance(document, dict) else None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA or not _are_times(times):
        raise InvalidInput(
            f"{quoted(str(path))} is not a run of bench", hint="make one with: batch-cli bench --save FILE"
        )
    return Run([float(value) for value in times or ()]), document


def _are_times(values: object) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
        for value in values
    )
