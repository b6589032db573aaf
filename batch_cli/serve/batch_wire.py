"""What the batches of a wire have of their own: how they are checked and queued, and how their results are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from batch_cli.model import JsonObject
from batch_cli.serve.records import BatchRecord
from batch_cli.serve.wires import Wire


@dataclass(frozen=True, slots=True)
class Validated:
    """What one pass over an input file found."""

    requests: int
    model: str | None
    errors: list[JsonObject]
    """As the wire gives them; empty if the file is valid."""


class BatchWire(Protocol):
    """The batches of one wire, for the conductor's thread. Every method may be called again after a crash."""

    has_error_file: bool
    """Rows that are not good go to a file of their own."""

    def validate(self, source: Path, batch: BatchRecord) -> Validated:
        """Check the input file of a batch; memory: a block of lines, and the ids.

        Raises:
            OSError: it cannot be read.
        """
        ...

    def engine_lines(self, source: BinaryIO, batch: BatchRecord) -> Iterator[bytes]:
        """Give a valid input as lines of the engine, ``{"custom_id", "url", "body"}``, without their line ends."""
        ...

    def good(self, line: bytes, row: JsonObject) -> bytes:
        """Write a request that was answered; ``line`` and ``row`` are the engine's result, as text and parsed."""
        ...

    def failed(self, row: JsonObject) -> bytes:
        """Write a request that was answered with an error."""
        ...

    def never_run(self, batch: BatchRecord, status: str, position: int, custom_id: str) -> bytes:
        """Write a request that never began, because the batch ended as ``status`` before."""
        ...

    def usage_of(self, body: JsonObject) -> JsonObject:
        """Give what a good answer used, as ``input_tokens`` and ``output_tokens``, or OpenAI's older words."""
        ...


def batch_wire(wire: Wire) -> BatchWire:
    """Give the batches of a wire; imported only here, because its rules take 100 ms to import."""
    match wire:
        case "openai":
            from batch_cli.serve.openai.batch_wire import OpenAIBatches  # noqa: PLC0415

            return OpenAIBatches()
        case "anthropic":
            from batch_cli.serve.anthropic.batch_wire import AnthropicBatches  # noqa: PLC0415

            return AnthropicBatches()
        case "google":
            from batch_cli.serve.google.batch_wire import GoogleBatches  # noqa: PLC0415

            return GoogleBatches()
