"""Results as the model's words alone: one answer on each line, so that line ends within it are escaped."""

from __future__ import annotations

from batch_cli.results import OutputRow, Sink
from batch_cli.writers.base import Shape
from batch_cli.writers.controls import escaped


class TextWriter:
    r"""Writes the words of good rows; a row with an error, or without words, has no line.

    A backslash is written ``\\``, a line feed ``\n``, a carriage return ``\r``, a tab stays; other control
    characters, which a terminal might obey, are written ``\x1b`` or ``\u202e``. So lines can be counted, and
    read back.
    """

    def __init__(self, sink: Sink, shape: Shape) -> None:
        """Write to ``sink``."""
        self._sink = sink
        self._answer = shape.answer

    def add(self, row: OutputRow) -> bool:
        """Write the words of a good row."""
        if row.error is not None:
            return False
        answer = self._answer((row.response or {}).get("body"))
        if answer is None:
            return False
        text = answer.text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        self._sink.write(escaped(text).encode("utf-8") + b"\n")
        return True

    def finish(self) -> None:
        """Do nothing: every line is written."""
