"""The two ports that every provider fills: a pure `Codec` for its dialect, and a `Provider` that runs batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from batch_cli.config import Service
from batch_cli.dialects.base import Losses, Reading, Unsupported
from batch_cli.engine.cluster.wishes import ClusterWishes
from batch_cli.engine.handlers.live.options import LiveWishes
from batch_cli.errors import Finding
from batch_cli.events import Listener, ignore
from batch_cli.line_pattern import Path as TextPath
from batch_cli.model import (
    CHAT,
    Batch,
    BatchRequest,
    BatchResult,
    JsonObject,
    JsonValue,
    Limits,
    Secret,
)
from batch_cli.providers.account import OfferedModel, Upload
from batch_cli.response_model import ResponseModel

if TYPE_CHECKING:
    from batch_cli.row_index import RowIndex

LONGEST_ANSWER = 1000  # tokens, where nobody says how long an answer may be and it has to be said


@dataclass(frozen=True, slots=True)
class EncodeOptions:
    """What `create` was told, for writing every request of a file."""

    model: str
    """The provider's own name of the model, without our prefix."""
    max_tokens: int | None = LONGEST_ANSWER
    temperature: float | None = 0.1
    top_p: float | None = None
    """None: not said in the request. What a line says itself wins over all three."""
    endpoint: str = CHAT
    response_model: ResponseModel | None = None
    strict: bool = True
    extra: JsonObject = field(default_factory=dict)
    """More body fields, in the provider's own words, laid over everything else."""


def create_request(request: BatchRequest, options: EncodeOptions) -> BatchRequest:
    """Give a request with what `create` was told: model, length limit, temperature; what the line says wins."""
    own = request.params
    limited = "max_tokens" in own or "max_completion_tokens" in own
    names = ("temperature", "top_p") if limited else ("max_tokens", "temperature", "top_p")
    said = {name: value for name in names if (value := getattr(options, name)) is not None}
    return replace(request, model=options.model, params={**said, **own})


def refuse_losses(losses: Losses, title: str) -> None:
    """Refuse a request of `create` that would lose something: its author can still say it differently.

    Raises:
        Unsupported: with the first loss.
    """
    for loss in losses.found:
        raise Unsupported(
            f'"{loss.path}" cannot be carried over to {title}: {loss.reason}',
            path=loss.path,
            hint=f"remove it, or set it for all lines in {title}'s words with --param",
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said, taken out of its provider's response body."""

    text: str
    finish_reason: str | None = None
    refusal: str | None = None


class Target(Protocol):
    """What requests can be written as, as pure functions: no I/O, the same answer for the same input."""

    @property
    def title(self) -> str:
        """Give the provider's name as people write it."""
        ...

    @property
    def limits(self) -> Limits:
        """Give what one batch may hold."""
        ...

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Give what the provider's requests can ask for; a chat is among it."""
        ...

    def is_own(self, line: JsonObject) -> bool:
        """Tell whether a parsed line is meant to be in this dialect as it is sent, right or wrong."""
        ...

    def write_line(self, request: BatchRequest, losses: Losses, *, max_tokens: int = 1000) -> JsonObject:
        """Write a neutral request as a line of the dialect; what it has no words for goes to ``losses``.

        ``request.endpoint`` is one of ``endpoints``. ``max_tokens`` is written where the dialect demands a
        limit and the request has none. The same request gives the same line.

        Raises:
            Unsupported: the request cannot be said at all, or something in it is not what it should be.
        """
        ...

    def with_model(self, line: JsonObject, model: str) -> JsonObject:
        """Give a line of this dialect with another model; the same line where no line names its model."""
        ...

    def check_id(self, custom_id: str) -> Iterator[Finding]:
        """Give what the provider would refuse about an id."""
        ...

    def check(self, request: JsonObject) -> Iterator[Finding]:
        """Give everything that the provider would refuse about one parsed request line."""
        ...

    def model_of(self, request: JsonObject) -> str | None:
        """Give the model a request line names, or None where the dialect keeps it elsewhere."""
        ...

    def schema_of(self, request: JsonObject) -> JsonObject | None:
        """Give the JSON Schema the request asks its answer to follow, or None."""
        ...


class Codec(Target, Protocol):
    """One dialect of request lines, a provider's: read, written, checked, and its results read. Pure functions, too."""

    @property
    def id_field(self) -> str:
        """Give where a request line keeps its id: ``custom_id`` or ``key``."""
        ...

    @property
    def free_texts(self) -> frozenset[TextPath]:
        """Give the strings of a line of which `check` asks at most that they are not empty: what models are told."""
        ...

    @property
    def any_model(self) -> bool:
        """Tell whether a line may name another model than ``--model`` does."""
        ...

    @property
    def one_model(self) -> bool:
        """Tell whether all lines of a batch must name the same model."""
        ...

    @property
    def row_field(self) -> str | None:
        """Give the member of the body that holds a row of names or numbers; None: its requests are made of messages."""
        ...

    def is_readable(self, line: JsonObject) -> bool:
        """Tell whether `read_line` understands a parsed line: the dialect itself and its short shapes."""
        ...

    def read_line(self, line: JsonObject, number: int) -> Reading:
        """Read a parsed request line, found right by `check`, into the neutral form; ``number`` counts from 1.

        Raises:
            Unsupported: something in it is not what it should be.
        """
        ...

    def encode_line(self, request: BatchRequest, options: EncodeOptions) -> bytes:
        """Write ``request`` as `create` was told to, as one line of the dialect without the line end.

        Raises:
            Unsupported: the dialect has no words for something in it.
        """
        ...

    def read_result(self, line: JsonObject) -> BatchResult:
        """Give one parsed line of a result file as a row, a failed request as a failed row.

        Raises:
            NotAResult: it is no result of this provider.
        """
        ...

    def answer(self, body: JsonValue) -> Answer | None:
        """Take the model's words out of the body of a good row; None when there are none."""
        ...


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do; callers ask here instead of comparing names."""

    runs_here: bool = False
    """Its batches run in a worker on this machine, which waiting may have to drive."""
    simulated: bool = False
    """No real model answers."""
    most_batches: int | None = None
    """Batches of one account that may run at once; None: no such limit is known."""
    metadata_pairs: int | None = None
    """Pairs of metadata that a batch takes from the user, our own not among them; None: any number."""
    windows: tuple[str, ...] = ()
    """Times within which a batch may be asked to end, the first is the default; ``*``: any other, too; empty: none."""
    gives_requests_back: bool = True
    """`Provider.requests` reads what was sent, as long as the batch is there."""
    names_input: bool = False
    """What `Provider.stage` gives is a file that people see in their account, too."""


@dataclass(frozen=True, slots=True)
class Input:
    """The request file of one batch, as something that can be read again from its start."""

    lines: Callable[[], Iterator[bytes]]
    """Open it anew: the request lines in order, without line ends, one in memory at a time."""
    requests: int
    bytes: int
    """With the line ends."""
    sha256: str
    """Over all lines, each ended by ``\\n``: what is uploaded, byte for byte."""


WINDOW = "completion_window"
"""Among the settings of a batch: the time within which it is asked to end, one of `Capabilities.windows`."""


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """What a submit asks for besides its requests."""

    endpoint: str
    model: str
    requests: int
    metadata: dict[str, str] = field(default_factory=dict)
    settings: JsonObject = field(default_factory=dict)
    """The provider's own settings (for the simulated model: its errors, latency and seed; or a `WINDOW`)."""


class Provider(Protocol):
    """A place that runs batches. Every method may be repeated; what is special is said at each."""

    name: str
    codec: Codec

    @property
    def capabilities(self) -> Capabilities:
        """Give what can be done with new batches."""
        ...

    @property
    def address(self) -> str:
        """Give the base URL that requests are sent to, without a key; empty for what runs here."""
        ...

    def stage(self, key: str, source: Input) -> str:
        """Bring the requests there and give the staged input's id. Again: replaces the first try's bytes."""
        ...

    def create(self, key: str, staged: str, options: BatchOptions) -> Batch:
        """Start the batch. The same ``key`` twice gives the same batch; this is what may cost money.

        Raises:
            NoRoom: the account has as much queued as it may have; nothing was started.
            OutcomeUnknown: there may be a batch; `find` has to look before this is done again.
        """
        ...

    def find(self, key: str, staged: str, since: float) -> Batch | None:
        """Find the batch that an earlier `create` with ``key`` started, whose answer may have been lost.

        ``since`` is when the submit began. None is certain: no batch came of it.

        Raises:
            OutcomeUnknown: it cannot be found out.
        """
        ...

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        """Give the batches of the account as the provider itself lists them, the newest first, a page in memory.

        They are whoever's who has the key, and ``after`` is the id of the one to go on behind. Nobody is asked
        before the first is taken.

        Raises:
            Rejected: the provider has no such list.
        """
        ...

    def models(self) -> Iterator[OfferedModel]:
        """Give the models that the provider says it has, in its order, a page in memory. Nobody is asked before the first.

        Raises:
            Rejected: the provider has no such list.
        """
        ...

    def uploads(self) -> Iterator[Upload]:
        """Give the input files there that bear the name of a submit, in any order; none where there are no files.

        Raises:
            Rejected: the provider cannot list its files.
        """
        ...

    def remove_upload(self, upload_id: str) -> bool:
        """Remove an input file; again, or where there are no files: nothing happens, and that is said."""
        ...

    def retrieve(self, batch_id: str) -> Batch | None:
        """Ask how a batch stands; None when the provider knows no such batch."""
        ...

    def cancel(self, batch_id: str) -> Batch | None:
        """Stop what has not started; what is finished stays. Nothing happens to a batch that has ended."""
        ...

    def delete(self, batch_id: str, *, dry_run: bool = False) -> list[tuple[str, str]]:
        """Remove the batch for good and give what was removed as ``(kind, name)``; again: nothing.

        Where the batch itself is not among it, the provider has no way to delete it, or did not know it.
        With ``dry_run`` nothing is removed, and what is there to be removed is given.
        """
        ...

    def drive(self, batch_id: str, listener: Listener, seconds: float | None) -> Batch | None:
        """Stay with the batch until it ends, or for so many seconds at most; one that runs here is worked at.

        Raises:
            Stopped: a signal asked to stop; what was finished is kept.
        """
        ...

    def requests(self, batch_id: str) -> Iterator[bytes] | None:
        """Give the request lines of a batch as they were sent, in order, without line ends, one in memory at a time.

        None where they are not given back. Nobody is asked before the first is taken.
        """
        ...

    def request_ids(self, batch_id: str) -> Iterator[str]:
        """Give the ids of the batch's requests in input order, one in memory at a time."""
        ...

    def results(self, batch_id: str) -> Iterator[BatchResult]:
        """Give what is known of a batch that has ended, in any order, a row at a time."""
        ...

    def answer(self, body: JsonValue) -> Answer | None:
        """Take the model's words out of a response body; None when there are none."""
        ...

    def close(self) -> None:
        """Let go of connections; again: nothing happens."""
        ...


@runtime_checkable
class PutsResults(Protocol):
    """A provider whose result files may be large."""

    def put_results(self, batch_id: str, index: RowIndex) -> None:
        """Put what `Provider.results` gives into an index, many rows at a time where that is possible."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """What a provider needs to be opened on this machine."""

    state: Path
    """The state directory; private to the user."""
    environment: Mapping[str, str] = field(default_factory=dict)
    key: Secret | None = None
    listener: Listener = ignore
    interval: float | None = None
    """Longest pause in seconds between two looks at a batch that is waited for; None: the provider's own."""
    knows_batch: Callable[[str], bool] = lambda _batch_id: False
    """Tell whether a batch came of a submit of this machine that is done."""
    has_rival: Callable[[str, int], bool] = lambda _key, _requests: False
    """Tell whether another submit than ``key``, of as many requests, waits for the answer to its create as well."""
    live: LiveWishes | None = None
    """What the command says about asking live."""
    cluster: ClusterWishes | None = None
    """Who works at what runs here; None: this process."""
    service: Service | None = None
    """What is to be opened, where it is a service that the user has named."""
