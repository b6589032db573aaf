"""The nouns every layer shares: what a request, a batch and a result are, whoever runs them."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from batch_cli.errors import FILES_ONLY, StateError, UsageError, quoted

JsonValue = Any
"""Parsed JSON: None, bool, int, float, str, list or dict."""
JsonObject = dict[str, Any]

CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
COMPLETIONS = "/v1/completions"
EMBEDDINGS = "/v1/embeddings"
MODERATIONS = "/v1/moderations"
ENDPOINTS = (CHAT, RESPONSES, EMBEDDINGS, COMPLETIONS, MODERATIONS)
"""What a request may ask for, in OpenAI's words. Source: openai-openapi 2.3.0 (2026-08-21)."""
MESSAGES = "/v1/messages"
"""The one endpoint of Anthropic's batches."""

INTENT = "batch_cli_intent"
"""The pair of a batch's metadata by which its submit is found again."""
DEFAULT_MODEL = "openai/gpt-4o-mini"
"""What people who come from instructor expect when they name no model."""


def object_of(value: JsonValue) -> JsonObject:
    """Give ``value`` if it is an object, else an empty one, for looking into foreign JSON safely."""
    return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class ModelName:
    """A model as people type it: ``provider/name``, the name may hold more slashes."""

    provider: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Split ``text`` at its first slash.

        Raises:
            UsageError: one of the two parts is empty (E601).
        """
        provider, slash, name = text.strip().partition("/")
        if not (provider and slash and name.strip("/")):
            raise UsageError(
                "Model must be in format 'provider/model-name'",
                where=f"got: {quoted(text)}",
                hint="use for example 'openai/gpt-4o-mini' or 'anthropic/claude-3-5-sonnet-20241022'",
                reference="E601",
            )
        return cls(provider, name)

    def __str__(self) -> str:
        """Write it the way it was typed."""
        return f"{self.provider}/{self.name}"


class BatchStatus(enum.StrEnum):
    """Where a batch is in its life, in one set of words for all providers."""

    VALIDATING = "validating"
    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def is_terminal(self) -> bool:
        """Tell whether nothing will change any more; an unknown word counts as still running."""
        return self in _TERMINAL


_TERMINAL = frozenset((BatchStatus.COMPLETED, BatchStatus.FAILED, BatchStatus.EXPIRED, BatchStatus.CANCELLED))


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """How many requests of a batch are where; None means the provider did not say."""

    total: int | None = None
    completed: int | None = None
    """Answered without an error."""
    failed: int | None = None
    processing: int | None = None
    cancelled: int | None = None
    expired: int | None = None

    @property
    def done(self) -> int:
        """Count the requests that will not change any more."""
        return self.answered + (self.cancelled or 0) + (self.expired or 0)

    @property
    def answered(self) -> int:
        """Count the requests that were worked at and ended, well or with an error."""
        return (self.completed or 0) + (self.failed or 0)


@dataclass(frozen=True, slots=True)
class Batch:
    """A provider's batch object, as of the moment it was asked for. Times are seconds since 1970 UTC."""

    id: str
    provider: str
    status: BatchStatus
    raw_status: str
    """The provider's own word."""
    stage: str | None = None
    """The word that its provider's pages have for where it is, where that is another one than ``raw_status``."""
    model: str | None = None
    endpoint: str | None = None
    created_at: float | None = None
    started_at: float | None = None
    completed_at: float | None = None
    """When it ended, whichever way."""
    expires_at: float | None = None
    counts: RequestCounts = field(default_factory=RequestCounts)
    metadata: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    """Why the batch as a whole failed."""
    no_room: bool = False
    """It failed before it began, because the account had too much queued: when there is room, the same may be tried."""
    submit: str | None = None
    """Our submit that it says it was made of (``bci_…``), where the provider keeps such a thing."""
    staged: str | None = None
    """The staged input that it was made of, as `Provider.stage` called it, where the provider says so."""
    simulated: bool = False
    """True when no real model answered."""
    raw: JsonObject = field(default_factory=dict)
    job: str | None = None
    """The job it is a part of, or that it stands for; None for a batch on its own."""
    shard: int | None = None
    """Which part of the job it is, from 1; None when it stands for the whole job."""
    shards: int | None = None
    """How many parts the job has."""
    parts: tuple[Batch, ...] = ()
    """The batches of the job it stands for, in input order."""
    attempt: int | None = None
    """Which attempt at its requests it is, from 2, where it sends those of another batch again."""
    attempts: tuple[Batch, ...] = ()
    """The batches or jobs that send some of its requests again, as far as they were looked for, in their order."""

    @property
    def is_job(self) -> bool:
        """Tell whether it stands for a whole job; its ``id`` is the job's then."""
        return self.job is not None and self.shard is None


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One request in neutral form: in the words of OpenAI's chat, which every dialect is carried over to."""

    custom_id: str
    """Empty where the line has none and one is still to be made up."""
    messages: list[JsonObject]
    """Chat messages, ``{"role", "content"}``, system messages among them; none at the other endpoints."""
    params: JsonObject
    """What the line itself asked for besides the messages (``temperature``, ``stop``), in OpenAI's words;
    at other endpoints than chat the whole body but the model. ``top_k`` is the one word that is not OpenAI's."""
    line: int
    """The line of the file it came from, counted from 1."""
    model: str | None = None
    """The model that the line names, as the provider calls it; None where the dialect keeps it elsewhere."""
    endpoint: str = CHAT
    columns: JsonObject = field(default_factory=dict)
    """What its line of messages held beside it: the user's own, which comes back beside the answer."""


@dataclass(frozen=True, slots=True)
class ResultError:
    """Why one request has no good answer."""

    type: str
    message: str
    code: str | None = None
    retryable: bool = False
    """The same request, sent again unchanged, may succeed."""
    kind: str = ""
    """One of `batch_cli.error_taxonomy.ErrorKind`; empty until the row is finished."""
    suggestion: str | None = None
    """What to do; None until the row is finished."""


@dataclass(frozen=True, slots=True, eq=False)
class RowFile:
    """A file of results that can be read again, a row at a time."""

    descriptor: int
    """Open for as long as rows come out of the file; who needs it longer duplicates it."""
    again: Callable[[bytes, bool], BatchResult]
    """From the bytes of a line, and whether it ``is_own``, to its row."""
    origin: RowFile | None = None
    """The file that this one is another descriptor of."""


class RowPlace(NamedTuple):
    """Where a row stands, so that its line need not be kept."""

    file: RowFile
    offset: int
    bytes: int
    is_own: bool
    """Its line is ours already but for the order of the ids, so that it need not be parsed again."""


@dataclass(slots=True)
class BatchResult:
    """One row of a batch's results, good or not. Never changed; `frozen` would cost a microsecond for each of millions."""

    custom_id: str
    id: str | None = None
    """The provider's own id of this row."""
    response: JsonObject | None = None
    """``{"status_code", "request_id", "body"}``, the body as the model server sent it; None in a good row that
    was read again: response and id are left in ``raw`` then."""
    error: ResultError | None = None
    raw: bytes | None = None
    """The row's own bytes where they already are a unified line, so that nothing is lost in re-writing."""
    place: RowPlace | None = field(default=None, compare=False, repr=False)
    """Where it stands, if it does in a file."""
    source: bytes | None = field(default=None, compare=False, repr=False)
    """The provider's own line as it came, without the line end; None for a row that no line told of."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one batch of a provider may hold. None means no limit is known."""

    requests: int | None = None
    bytes: int | None = None
    line_bytes: int = 10_000_000
    """Longest line that is read at all; bounds the memory of every reader."""
    id_length: int = 512
    """Longest ``custom_id``, in characters."""


class Secret:
    """A key that shows itself only when asked by name: every other rendering is stars."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Keep ``value``; nothing is checked here."""
        self._value = value

    def reveal(self) -> str:
        """Give the key itself, for a header and nothing else."""
        return self._value

    def __repr__(self) -> str:
        """Hide the key in every form of printing, formatting and debugging."""
        return "Secret('****')"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        """Hide the key in f-strings whatever the format."""
        return repr(self)

    def __reduce__(self) -> str:
        """Refuse to be pickled: a pickle is a file somewhere."""
        message = "a secret cannot be pickled"
        raise TypeError(message)


_BATCH_ID = re.compile(r"[A-Za-z0-9._:/=+-]+(?:_[A-Za-z0-9._:/=+-]*)*")
_LONGEST_BATCH_ID = 512


def check_batch_id(text: str, *, source: str | None = None) -> str:
    """Give ``text`` back if it can be a batch id, which may later stand in a URL or a file name.

    Long base64 ids (LiteLLM) and resource names with slashes are ids; dots alone between slashes are not.

    Raises:
        UsageError: it cannot be one (E605).
        StateError: the same, when it came from the file ``source`` (E801).
    """
    plausible = (
        0 < len(text) <= _LONGEST_BATCH_ID
        and _BATCH_ID.fullmatch(text.replace("_", "-"))
        and not any(part in ("", ".", "..") for part in text.split("/"))
    )
    if plausible:
        return text
    if source is not None:
        raise StateError(
            f"state file {quoted(source)} does not hold a batch id",
            hint="name the batch with --batch-id ID",
            reference="E801",
        )
    raise UsageError(
        f"not a batch id: {quoted(text)}",
        where="an id has letters, digits and . _ : / = + - and at most 512 characters",
        hint=FILES_ONLY if "://" in text else "batch-cli list --local shows the ids known here",
        reference="E605",
    )
