"""A result file that is here already: checked against its requests, then written as our lines. No network, no state."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self

from batch_cli import __version__
from batch_cli.answers import parse_answer
from batch_cli.clock import rfc3339
from batch_cli.errors import (
    DamagedFile,
    Finding,
    Problem,
    ProblemLog,
    StateError,
    quoted,
)
from batch_cli.events import Phase, Progress
from batch_cli.files import PartFile, resolve_output
from batch_cli.id_index import IdIndex
from batch_cli.jobs.check import first_object, guess_provider, rules_of
from batch_cli.jobs.results import ResultsOrder, counts_of, summary_of, watched
from batch_cli.jobs.workspace import Workspace
from batch_cli.jsonl import loads
from batch_cli.model import JsonObject, Limits
from batch_cli.providers import load_codec
from batch_cli.providers.base import Codec
from batch_cli.providers.result_lines import ResultShape, shape_of_result
from batch_cli.providers.rules import missing
from batch_cli.request_file import Scan, request_lines, scan
from batch_cli.response_model import ResponseModel, from_schema
from batch_cli.result_file import Checked, check
from batch_cli.result_file import rows as file_rows
from batch_cli.results import (
    OutputRow,
    Parse,
    Sink,
    Summary,
    finish_rows,
    in_input_order,
    read_manifest,
    write_manifest,
)
from batch_cli.writers import FormatName, Shape, write_rows

_REPORT_EVERY = 2_000
_GUESSED = {ResultShape.ANTHROPIC: "anthropic", ResultShape.GOOGLE: "google"}


@dataclass(frozen=True, slots=True)
class Source:
    """A file that can be read again from its start."""

    open: Callable[[], BinaryIO]
    name: str
    """What messages call it."""


@dataclass(frozen=True, slots=True)
class FileOrder:
    """What is wanted of a result file."""

    results: Source
    requests: Source | None = None
    """The requests it answers; without them nothing can be missing, and the order is the file's."""
    provider: str | None = None
    """Whose result file it is; None: by the shape of its first line."""
    written: ResultsOrder = field(default_factory=ResultsOrder)
    """How its lines are wanted; without ``requests`` they cannot be put in order."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The requests that a result file has to answer."""

    source: Source
    codec: Codec
    """Of the requests: they may be in another dialect than the results."""
    scan: Scan
    index: IdIndex
    """Every id that a result may have."""

    def ids(self) -> Iterator[str]:
        """Give the ids in input order, one in memory at a time."""
        return _ids(self.source, self.codec)


@dataclass(frozen=True, slots=True)
class GoodFile:
    """A result file that was read once and can be believed."""

    order: FileOrder
    provider: str
    codec: Codec
    checked: Checked
    asked: Asked | None
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """What became of a result file."""

    file: GoodFile
    summary: Summary
    already_complete: bool = False


def check_results(workspace: Workspace, order: FileOrder, output: Path | None = None) -> GoodFile:
    """Read the requests and then the whole result file.

    Where results contradict each other, both lines of each pair go to ``OUTPUT.conflicts.jsonl``.

    Raises:
        InvalidInput: the requests are not readable, or an id stands there twice.
        DamagedFile: the results are cut, contradict themselves, or answer other requests; with every problem.
    """
    asked = None if order.requests is None else _read_requests(order.requests)
    provider = order.provider or _guess(order.results)
    codec = load_codec(provider, workspace.services)
    problems = ProblemLog()

    def report(lines: int) -> None:
        workspace.say(Progress(Phase.CHECK, lines, None, unit="lines"))

    with order.results.open() as stream, _Conflicts(output) as conflicts:
        checked = check(
            stream,
            order.results.name,
            codec.read_result,
            problems,
            asked=None if asked is None else asked.index,
            conflict=conflicts.add,
            report=report,
        )
    if problems.errors:
        count = f"{problems.errors:,} problem{'s' if problems.errors > 1 else ''}"
        raise DamagedFile(
            f"{order.results.name} cannot be trusted: {count}",
            problems=tuple(problems.kept),
            total=problems.errors,
            where=conflicts.words(),
        )
    return GoodFile(order, provider, codec, checked, asked, tuple(problems.kept))


def _guess(source: Source) -> str:
    """Guess whose results a file holds; the ones in OpenAI's form are all read alike."""
    line = first_object(source.open)
    shape = None if line is None else shape_of_result(line)
    return "openai" if shape is None else _GUESSED.get(shape, "openai")


def _read_requests(source: Source) -> Asked:
    """Read the ids of a request file, whosever it is, and refuse one that has an id twice or none."""
    codec = load_codec(guess_provider(source.open))
    id_field = codec.id_field

    def check_id(request: JsonObject) -> Iterator[Finding]:
        if not isinstance(request.get(id_field), str):
            yield missing(id_field, "results are found by it")

    problems = ProblemLog()
    # No limits: the requests of several batches may have been joined in one file.
    rules = replace(rules_of(codec), check=check_id, limits=Limits())
    with source.open() as stream:
        found = scan(stream, source.name, rules, problems)
    problems.refuse_errors(source.name)
    index = IdIndex()
    for number, custom_id in enumerate(_ids(source, codec), start=1):
        index.add(custom_id, number)
    return Asked(source, codec, found, index)


def _ids(source: Source, codec: Codec) -> Iterator[str]:
    with source.open() as stream:
        for raw in request_lines(stream, Limits()):
            yield loads(raw)[codec.id_field]


class _Conflicts:
    """``OUTPUT.conflicts.jsonl``, which exists only once there is something to put in it."""

    def __init__(self, output: Path | None) -> None:
        self.path = output.with_name(f"{output.name}.conflicts.jsonl") if output is not None else None
        self.part: PartFile | None = None
        self.stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self.stack:
            if self.part is not None and kind is None:
                self.part.commit()

    def add(self, first: bytes, second: bytes) -> None:
        if self.path is None:
            return
        if self.part is None:
            self.part = self.stack.enter_context(PartFile(self.path))
        for line in (first, second):
            self.part.write(line.rstrip(b"\r\n") + b"\n")

    def words(self) -> tuple[str, ...]:
        return (f"both lines of each pair: {quoted(str(self.path))}",) if self.part is not None else ()


# --- what comes out ---


def rows(workspace: Workspace, file: GoodFile) -> Iterator[OutputRow]:
    """Give the rows of a good file as they will be written."""
    order = file.order
    with order.results.open() as stream:
        found = file_rows(stream, file.codec.read_result, file.checked)
        if file.asked is not None and order.written.in_order:
            keep_sources = order.written.form is FormatName.RAW
            found = in_input_order(file.asked.ids(), found, keep_sources=keep_sources)
        total = file.checked.results if file.asked is None else file.asked.scan.requests
        for done, row in enumerate(watched(finish_rows(found, _parser(file)), order.written.watch), start=1):
            yield row
            if done % _REPORT_EVERY == 0:
                workspace.say(Progress(Phase.RESULTS, done, total))


def _parser(file: GoodFile) -> Parse | None:
    model = _model(file)
    if model is None:
        return None

    def take(body: object) -> tuple[str, str | None, str | None] | None:
        answer = file.codec.answer(body)
        return None if answer is None else (answer.text, answer.finish_reason, answer.refusal)

    return partial(parse_answer, take=take, model=model)


def _model(file: GoodFile) -> ResponseModel | None:
    schema = None if file.asked is None else file.asked.scan.schema
    if file.order.written.response_model is not None or schema is None:
        return file.order.written.response_model
    return from_schema(schema, str(schema.get("title", "Answer")))


def shape_of(file: GoodFile) -> Shape:
    """Give what a writer has to know about the rows of a file."""
    model = _model(file)
    return Shape(file.order.written.form, file.codec.answer, None if model is None else model.schema)


def stream_file(workspace: Workspace, file: GoodFile, sink: Sink) -> WrittenFile:
    """Write the rows to ``sink``."""
    return WrittenFile(file, write_rows(rows(workspace, file), sink, shape_of(file)))


def write_file(workspace: Workspace, file: GoodFile, output: Path) -> WrittenFile:
    """Write ``output`` and its manifest in one step; again on a complete output: nothing is done.

    Raises:
        StateError: ``output`` holds something else, or another process is writing it.
        DiskError: it cannot be written; an older ``output`` is untouched.
    """
    target = resolve_output(output)
    facts = _identity(file)
    with PartFile(target, keep_trying=workspace.patience()) as part:
        manifest = read_manifest(target)
        if manifest is not None and _proof(manifest) == _proof(facts):
            if file.order.written.watch is not None:
                deque(rows(workspace, file), maxlen=0)
            return WrittenFile(file, summary_of(manifest), already_complete=True)
        if target.exists() and not file.order.written.force:
            raise StateError(
                f"{quoted(str(target))} exists and holds something else",
                hint="write to another file, or use --force to replace it",
                reference="E804",
            )
        summary = write_rows(rows(workspace, file), part, shape_of(file))
        write_manifest(target, _manifest(workspace, summary, facts))
        part.commit()
    return WrittenFile(file, summary)


def _identity(file: GoodFile) -> JsonObject:
    order, model = file.order, file.order.written.response_model
    asked = None
    if file.asked is not None:
        scan_of = file.asked.scan
        asked = {"count": scan_of.requests, "sha256": scan_of.sha256, "file": file.asked.source.name}
    return {
        "batch": None,
        "format": order.written.form,
        "order": "input" if order.written.in_order and asked else "as-is",
        "response_model": None if model is None else {"name": model.name, "schema": model.schema},
        "provider": file.provider,
        "source": {
            "file": order.results.name,
            "sha256": file.checked.sha256,
            "bytes": file.checked.bytes,
        },
        "requests": asked,
    }


def _proof(facts: JsonObject) -> JsonObject:
    """Give what tells one output from another: contents, not the names of files."""
    hashes = {name: (facts.get(name) or {}).get("sha256") for name in ("source", "requests")}
    return {**{name: facts.get(name) for name in ("format", "order", "response_model", "provider")}, **hashes}


def _manifest(workspace: Workspace, summary: Summary, facts: JsonObject) -> JsonObject:
    """Give what proves an output, in the form of a batch's; what only a batch has is null."""
    return {
        "schema": "batch_cli.manifest/v1",
        "tool_version": __version__,
        **facts,
        "model": None,
        "status": None,
        "simulated": None,
        "written_at": rfc3339(workspace.clock.now()),
        **counts_of(summary),
    }
