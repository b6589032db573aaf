"""Results as typed answers alone: one JSON text on each line, nothing else."""

from __future__ import annotations

from batch_cli.errors import UsageError
from batch_cli.jsonl import dumps_exactly
from batch_cli.results import OutputRow, Sink
from batch_cli.writers.base import Shape


class ObjectsWriter:
    """Writes what good rows have as ``parsed``; a row with an error has no line."""

    def __init__(self, sink: Sink, shape: Shape) -> None:
        """Write to ``sink``.

        Raises:
            UsageError: nobody knows what the answers look like.
        """
        if shape.schema is None:
            raise UsageError(
                "--format objects needs to know what the answers look like",
                hint="name a response model with -r package.module:Class, or use --format text",
            )
        self._sink = sink

    def add(self, row: OutputRow) -> bool:
        """Write the typed answer of a good row."""
        if row.error is not None:
            return False
        self._sink.write(dumps_exactly(row.parsed) + b"\n")
        return True

    def finish(self) -> None:
        """Do nothing: every line is written."""
