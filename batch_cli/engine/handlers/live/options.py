"""How a batch is asked for live: where, how fast, and what is not asked for twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from batch_cli.engine.handlers.live.backend import Backend
from batch_cli.jsonl import dumps, loads
from batch_cli.model import JsonObject

DIRECT = "direct"
"""Said of a batch, as ``via``, whose requests go to its provider one by one."""


PREDICTS = "predicts"
"""Said of a batch of predictions: by whom, a prediction server's wire or what a model in this process is."""


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How fast requests go out, whatever the server would take; kept with the batch, without any key."""

    concurrency: int = 16
    """Requests in flight at once at most, over all servers."""
    per_minute: int | None = None
    """Requests sent in any 60 seconds at most."""
    tokens_per_minute: int | None = None
    """Tokens asked for and answered in any 60 seconds at most, as far as they can be known beforehand."""
    seconds: float = 600.0
    """How long one request may take, from connecting to the last byte of its answer."""
    dedupe: bool = False
    """Identical requests of the batch are sent once."""
    cache_bytes: int | None = None
    """Answers of earlier batches are used, and so many bytes of them kept; None: they are not."""
    auto_path: bool = False
    """What is refused as a completion is asked as a chat."""
    waits: bool = True
    """While no server can be reached, requests wait; else they fail when that was tried a few times."""
    halts: bool = True
    """An account that is refused stops the work, and no request is blamed; else it is the answer of each."""
    dollars_in: float | None = None
    """What a million tokens of requests cost, to tell the cost while it runs; None: not known."""
    dollars_out: float | None = None
    """What a million tokens of answers cost."""
    rows: int = 32
    """Rows that are predicted at once at most: by one request, or by one run of a model here."""

    def encode(self) -> bytes:
        """Write it as JSON."""
        return dumps(self.to_json())

    def to_json(self) -> JsonObject:
        """Give it as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: JsonObject) -> LiveOptions:
        """Read what `to_json` gave, also of a version that knew fewer or more options."""
        return cls(**{name: fields[name] for name in cls.__slots__ if name in fields})


@dataclass(frozen=True, slots=True)
class LiveWishes:
    """What a command says about asking live."""

    base_urls: tuple[str, ...] = ()
    """As they were typed; none: the provider's own."""
    options: LiveOptions | None = None
    """None: as the batch was submitted."""
    grace: float = 30.0
    """Seconds that running requests get after a stop was asked for."""


@dataclass(frozen=True, slots=True)
class LiveSetup:
    """The servers to ask, with their keys, and how."""

    backends: Sequence[Backend]
    options: LiveOptions
    answers: Path | None = None
    """Where answers are kept that are to be given again."""

    @classmethod
    def of(cls, backend: Backend) -> LiveSetup:
        """Ask one server, as fast as it takes."""
        return cls((backend,), LiveOptions(backend.concurrency, seconds=backend.seconds))

    def encode(self) -> bytes:
        """Write it, keys included, as one line for a pipe to another process of ours; for nothing else."""
        fields = {"backends": [one.to_json() for one in self.backends], "options": self.options.to_json()}
        return dumps(fields) + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> LiveSetup:
        """Read what `encode` wrote."""
        fields = loads(line)
        backends = tuple(Backend.from_json(one) for one in fields["backends"])
        return cls(backends, LiveOptions.from_json(fields["options"]))
