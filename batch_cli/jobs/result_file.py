"""A result file that is here already: checked against its requests, then written as our lines. No network, no state."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path

from batch_cli import __version__
from batch_cli.answers import parse_answer
from batch_cli.clock import rfc3339
from batch_cli.columns import belongs_to, columns_digest
from batch_cli.errors import (
    DamagedFile,
    Problem,
    ProblemLog,
    Severity,
    StateError,
    quoted,
)
from batch_cli.events import Phase, Progress
from batch_cli.files import PartFile, resolve_output
from batch_cli.jobs.asked import Asked, ReadBeside, Source
from batch_cli.jobs.check import first_object
from batch_cli.jobs.own_columns import with_columns_of
from batch_cli.jobs.results import ResultsOrder, watched
from batch_cli.jobs.side_files import SideFiles
from batch_cli.jobs.workspace import Workspace
from batch_cli.jsonl import dumps
from batch_cli.model import JsonObject
from batch_cli.providers import load_codec
from batch_cli.providers.base import Codec
from batch_cli.providers.result_lines import ResultShape, shape_of_result
from batch_cli.response_model import ResponseModel, from_schema
from batch_cli.result_file import Checked, check
from batch_cli.results import (
    OutputRow,
    Parse,
    Sink,
    Summary,
    counts_of,
    finish_rows,
    read_manifest,
    summary_of,
    take_in_order,
    write_manifest,
)
from batch_cli.row_index import RowIndex, Stray, StrayKind, Strays
from batch_cli.writers import Shape, write_rows
from batch_cli.writers.in_order import FORMS, write_in_order

_REPORT_EVERY = 2_000
_GUESSED = {ResultShape.ANTHROPIC: "anthropic", ResultShape.GOOGLE: "google"}


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
    columns: Path | None = None
    """Where the user's own columns may stand; they count only if they are those of ``requests``."""


@dataclass(frozen=True, slots=True)
class GoodFile:
    """A result file that was read once and can be believed, open for its rows to be given, once."""

    order: FileOrder
    provider: str
    codec: Codec
    checked: Checked
    asked: Asked | None
    index: RowIndex
    sides: SideFiles
    strays: Strays
    problems: ProblemLog
    """What is worth knowing; after the last row, also what no request asked for."""
    results: int
    """Ids that have a result."""

    @property
    def columns(self) -> Path | None:
        """Give the file of the user's own columns, if there is one for these very requests."""
        path, asked = self.order.columns, self.asked
        is_theirs = path is not None and asked is not None and belongs_to(path) == asked.scan.sha256
        return path if is_theirs else None

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Give the problems, each with its line."""
        return tuple(self.problems.kept)


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """What became of a result file."""

    file: GoodFile
    summary: Summary
    already_complete: bool = False


@contextmanager
def check_results(workspace: Workspace, order: FileOrder, output: Path | None = None) -> Iterator[GoodFile]:
    """Read the requests and then the whole result file, and keep it open.

    Where results contradict each other, or answer other requests, they are kept beside ``output``.

    Raises:
        InvalidInput: the requests are not readable, or an id stands there twice.
        DamagedFile: the results are cut or cannot be read; with every problem.
    """
    provider = order.provider or _guess(order.results)
    codec = load_codec(provider, workspace.services)
    problems, found = ProblemLog(), ProblemLog()

    with ExitStack() as stack:
        beside = None if order.requests is None else stack.enter_context(ReadBeside(order.requests))

        def report(lines: int) -> None:
            if beside is not None and beside.has_failed():
                beside.result()  # raises what is wrong with the requests
            workspace.say(Progress(Phase.CHECK, lines, None, unit="lines"))

        stream = stack.enter_context(order.results.open())
        sides = stack.enter_context(SideFiles(None if output is None else resolve_output(output)))
        told = _Told(order.results, sides, found)
        strays = Strays(told.add)
        index = stack.enter_context(RowIndex(strays))
        checked = check(stream, order.results.name, codec.read_result, problems, index, report=report)
        asked = None if beside is None else beside.result()
        if problems.errors:
            count = f"{problems.errors:,} problem{'s' if problems.errors > 1 else ''}"
            raise DamagedFile(
                f"{order.results.name} cannot be trusted: {count}",
                problems=tuple(problems.kept),
                total=problems.errors,
            )
        for warning in problems.kept:
            found.add(warning)
        told.tell_repeats()
        yield GoodFile(
            order, provider, codec, checked, asked, index, sides, strays, found, results=len(index)
        )


class _Told:
    """Turns strays into problems with a line, and keeps them beside the output."""

    def __init__(self, source: Source, sides: SideFiles, problems: ProblemLog) -> None:
        self.source, self.sides, self.problems = source, sides, problems
        self.repeat: Stray | None = None
        self.repeats = 0

    def add(self, stray: Stray) -> None:
        self.sides.add(stray)
        match stray.kind:
            case StrayKind.DUPLICATE:
                self.repeat = self.repeat or stray
                self.repeats += 1
            case StrayKind.CONFLICT if stray.first is not None:
                self._problem(
                    "E703",
                    f'duplicate result for "{stray.custom_id[:64]}": it differs from the one on line',
                    stray,
                    hint="keep the right one of the lines; the row of this request is an error now",
                )
            case StrayKind.UNKNOWN:
                message = f'unknown custom_id "{stray.custom_id[:64]}": no request has it'
                self._problem("E704", message, stray, hint="name the request file of this batch")
            case _:
                pass

    def tell_repeats(self) -> None:
        """Warn of the first repeated line, and count the others."""
        if self.repeat is None:
            return
        message = f'duplicate result for "{self.repeat.custom_id[:64]}", identical to the one on line'
        more = f" (and {self.repeats - 1:,} more like it)" if self.repeats > 1 else ""
        self._problem("W703", message, self.repeat, more=more, severity=Severity.WARNING)

    def _problem(
        self,
        code: str,
        message: str,
        stray: Stray,
        *,
        hint: str | None = None,
        more: str = "",
        severity: Severity = Severity.ERROR,
    ) -> None:
        if self.problems.has_room:  # finding a line takes reading the file up to it
            line = self._line_at(stray.offset)
            first = "" if stray.first is None else f" {self._line_at(stray.first):,}"
        else:
            line, first = None, ""
        self.problems.add(
            Problem(
                code,
                f"{message}{first}{more}",
                hint,
                self.source.name,
                line,
                None if line is None else 1,
                custom_id=stray.custom_id,
                severity=severity,
            )
        )

    def _line_at(self, offset: int) -> int:
        """Count the lines up to a place of the file."""
        line, left = 1, offset
        with self.source.open() as stream:
            while left and (block := stream.read(min(left, 1 << 20))):
                line += block.count(b"\n")
                left -= len(block)
        return line


def _guess(source: Source) -> str:
    """Guess whose results a file holds; the ones in OpenAI's form are all read alike."""
    line = first_object(source.open)
    shape = None if line is None else shape_of_result(line)
    return "openai" if shape is None else _GUESSED.get(shape, "openai")


# --- what comes out ---


def rows(workspace: Workspace, file: GoodFile) -> Iterator[OutputRow]:
    """Give the rows of a good file as they will be written; once."""
    if file.asked is None or not file.order.written.in_order:
        found = file.index.take_all()
        total = file.results
    else:
        found = take_in_order(file.asked.ids(), file.index)
        total = file.asked.scan.requests
    own = with_columns_of(finish_rows(found, _parser(file)), file.columns)
    finished = watched(own, file.order.written.watch)
    for done, row in enumerate(finished, start=1):
        yield row
        if done % _REPORT_EVERY == 0:
            workspace.say(Progress(Phase.RESULTS, done, total))


def _write(workspace: Workspace, file: GoodFile, sink: Sink) -> Summary:
    """Write the rows to ``sink`` in the form that is wanted."""
    asked, wanted = file.asked, file.order.written
    is_plain = (
        wanted.watch is None and wanted.form in FORMS and _parser(file) is None and file.columns is None
    )
    if asked is None or not wanted.in_order or not is_plain:
        return write_rows(rows(workspace, file), sink, shape_of(file), file.strays)

    def report(done: Summary) -> None:
        workspace.say(Progress(Phase.RESULTS, done.rows, asked.scan.requests))

    return write_in_order(asked.id_blocks, file.index, sink, wanted.form, file.strays, report=report)


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
    return WrittenFile(file, _write(workspace, file, sink))


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
        is_same = manifest is not None and _proof(manifest) == _proof(facts)
        if manifest is not None and (before := written_before(workspace, file, manifest)) is not None:
            return WrittenFile(file, before, already_complete=True)
        if target.exists() and not is_same and not file.order.written.force:
            raise StateError(
                f"{quoted(str(target))} exists and holds something else",
                hint="write to another file, or use --force to replace it",
                reference="E804",
            )
        summary = _write(workspace, file, part)
        file.sides.commit()
        write_manifest(target, _manifest(workspace, summary, facts))
        part.commit()
    return WrittenFile(file, summary)


def written_before(workspace: Workspace, file: GoodFile, manifest: JsonObject) -> Summary | None:
    """Give the counts of a complete output if its ``manifest`` says that it is the one that is wanted, else None."""
    if _proof(manifest) != _proof(_identity(file)) or (before := summary_of(manifest)).is_damaged:
        return None
    if file.order.written.watch is not None:
        deque(rows(workspace, file), maxlen=0)
    return before


def owner_of(file: GoodFile) -> str:
    """Give a name for what the output is made of: the same for the same contents, wanted alike."""
    return sha256(dumps(_proof(_identity(file)), sort_keys=True)).hexdigest()


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
        "columns": columns_digest(file.columns),
    }


def _proof(facts: JsonObject) -> JsonObject:
    """Give what tells one output from another: contents, not the names of files."""
    hashes = {name: (facts.get(name) or {}).get("sha256") for name in ("source", "requests")}
    told = ("format", "order", "response_model", "provider", "columns")
    return {**{name: facts.get(name) for name in told}, **hashes}


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
