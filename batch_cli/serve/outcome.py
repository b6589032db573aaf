"""The result files of a batch, in input order: one, or one for the good rows and one for all others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from batch_cli.engine.store import Store, StoredBatch
from batch_cli.errors import DamagedData
from batch_cli.jsonl import loads
from batch_cli.model import JsonObject
from batch_cli.serve.batch_wire import BatchWire
from batch_cli.serve.contents import Contents, NewContent
from batch_cli.serve.ids import Ids
from batch_cli.serve.records import BatchRecord, End, FileRecord
from batch_cli.serve.scenarios.effects import played, requests_of


@dataclass(slots=True)
class Tokens:
    """The sum of what good answers used."""

    asked: int = 0
    answered: int = 0
    cached: int = 0
    reasoned: int = 0

    def add(self, usage: JsonObject) -> None:
        """Add the usage of one answer, in the words of any endpoint."""
        self.asked += int(usage.get("prompt_tokens") or usage.get("input_tokens") or 0)
        self.answered += int(usage.get("completion_tokens") or usage.get("output_tokens") or 0)

    def usage(self) -> JsonObject:
        """Give the usage of the batch."""
        return {
            "input_tokens": self.asked,
            "input_tokens_details": {"cached_tokens": self.cached},
            "output_tokens": self.answered,
            "output_tokens_details": {"reasoning_tokens": self.reasoned},
            "total_tokens": self.asked + self.answered,
        }


@dataclass(slots=True)
class _Counts:
    completed: int = 0
    failed: int = 0
    never_run: int = 0
    tokens: Tokens = field(default_factory=Tokens)


def write_outcome(
    wire: BatchWire,
    batch: BatchRecord,
    status: str,
    executed: tuple[Store, StoredBatch] | None,
    contents: Contents,
    now: float,
) -> End:
    """Write the result files of a batch that ends as ``status``, and give what is to be recorded.

    ``executed`` is the batch as the engine has it, if it came that far.
    A file without rows is not made. Memory: a line at a time.

    Raises:
        DamagedData: the engine's files are not what was stored.
        DiskError: they cannot be written.
    """
    counts = _Counts()
    last: Counter[str] = Counter()
    ids = Ids()  # not the server's: those belong to its event loop
    with ExitStack() as stack:
        output = stack.enter_context(NewContent(contents, ids.new("file-")))
        errors = stack.enter_context(NewContent(contents, ids.new("file-")))
        if executed is not None:
            effects = batch.effects or {}
            for is_good, line in played(_rows(wire, batch, status, executed, counts), effects, batch.total):
                target = output if is_good or not wire.has_error_file else errors
                target.write(line)
                target.write(b"\n")
                last[target.id] = len(line)
            if effects.get("torn"):
                for new in filter(lambda new: new.written, (output, errors)):
                    new.cut_off(last[new.id] // 2 + 1)
        files = [_file(batch, kind, new, now) for kind, new in (("output", output), ("error", errors))]
    return End(status, counts.completed, counts.failed, counts.never_run, counts.tokens.usage(), *files)


def _file(batch: BatchRecord, kind: str, new: NewContent, now: float) -> FileRecord | None:
    if not new.written:
        return None
    new.commit()
    expires_at = None if batch.output_seconds is None else now + batch.output_seconds
    return FileRecord(
        0, new.id, "batch_output", f"{batch.id}_{kind}.jsonl", new.written, now, expires_at, batch.wire
    )


def _rows(
    wire: BatchWire, batch: BatchRecord, status: str, stored: tuple[Store, StoredBatch], counts: _Counts
) -> Iterator[tuple[bool, bytes]]:
    """Give a line for each request of the input, and whether it is good."""
    engine, executed = stored
    results = engine.results(executed)
    result = next(results, None)
    position = -1
    with engine.input_path(executed.id).open("rb", buffering=1 << 20) as stream:
        for position, raw in enumerate(stream):
            if result is not None and result.position == position:
                row = loads(result.line)
                if result.is_good:
                    counts.completed += 1
                    counts.tokens.add(wire.usage_of(row["response"]["body"]))
                    yield True, wire.good(result.line, row)
                else:
                    counts.failed += 1
                    yield False, wire.failed(row)
                result = next(results, None)
            else:
                counts.failed += 1
                counts.never_run += 1
                yield False, wire.never_run(batch, status, position, loads(raw)["custom_id"])
    if position + 1 != requests_of(executed):
        raise DamagedData(f"the stored requests of {batch.id} are cut off")
