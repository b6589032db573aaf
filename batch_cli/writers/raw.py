"""Results as the provider wrote them: its own lines, byte for byte, those of failed rows among them."""

from __future__ import annotations

from batch_cli.results import OutputRow, Sink
from batch_cli.writers.base import Shape


class RawWriter:
    """Writes lines as they came, each ended by a line feed; a row that no line told of has none."""

    def __init__(self, sink: Sink, shape: Shape) -> None:
        """Write to ``sink``."""
        del shape
        self._sink = sink

    def add(self, row: OutputRow) -> bool:
        """Write the row's own line, if it has one."""
        if row.source is None:
            return False
        self._sink.write(row.source + b"\n")
        return True

    def finish(self) -> None:
        """Do nothing: every line is written."""
