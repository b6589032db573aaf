"""One conversion: a request line of one dialect written in another, as pure functions, and what is lost by it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

from batch_cli.dialects.base import Change, Loss, Losses, Reading, Unsupported
from batch_cli.dialects.openai import as_chat
from batch_cli.errors import Finding, Severity
from batch_cli.jsonl import dumps, dumps_exactly, loads_exactly
from batch_cli.line_pattern import LinePattern
from batch_cli.messages import MessagesOptions
from batch_cli.model import CHAT, JsonObject
from batch_cli.providers.base import Codec, Target

_MOST_KINDS = 500
"""Kinds of losses that are told apart; a file in which every line has another bounds its memory by this."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """From whom to whom, and what is said anew."""

    source: Codec | None
    """None: a messages file."""
    target: Target
    model: str | None = None
    """The model that every line is to name, as the target calls it; None keeps each line's own."""
    max_tokens: int = 1000
    """The length limit where the target demands one and a line has none."""
    messages: MessagesOptions = field(default_factory=MessagesOptions)
    """How the file is read if it is one of messages."""


class Converted(NamedTuple):
    """What became of one line."""

    line: bytes
    """Without the line end; empty where there are ``findings``."""
    losses: tuple[Loss, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Why it cannot be written at all."""
    endpoint: str = CHAT
    schema: JsonObject | None = None
    """The JSON Schema that the answer has to follow."""


def convert_line(value: JsonObject, number: int, custom_id: str, conversion: Conversion) -> Converted:
    """Give a parsed line, found right by its own dialect, in the target's: a pure function.

    ``number`` counts from 1. ``custom_id`` is the line's own, or what was made up for one without.
    """
    source, target = conversion.source, conversion.target
    if source is None:
        raise ValueError("messages are requests already: write_request")
    if source is target and target.is_own(value):
        named = value if conversion.model is None else target.with_model(value, conversion.model)
        endpoint = str(value.get("url", CHAT))
        return Converted(dumps_exactly(named), endpoint=endpoint, schema=target.schema_of(value))
    try:
        reading = source.read_line(value, number)
    except Unsupported as error:
        return Converted(b"", (), (Finding("E305", str(error), error.path, error.hint),))
    return write_request(replace(reading, request=replace(reading.request, custom_id=custom_id)), conversion)


def write_request(reading: Reading, conversion: Conversion) -> Converted:
    """Give a request that was read, in the target's dialect: a pure function."""
    target = conversion.target
    try:
        if reading.request.endpoint not in target.endpoints:
            reading = as_chat(reading, target.title)
    except Unsupported as error:
        return Converted(b"", (), (Finding("E305", str(error), error.path, error.hint),))
    request = replace(reading.request, model=conversion.model or reading.request.model)
    losses = Losses()
    try:
        written = target.write_line(request, losses, max_tokens=conversion.max_tokens)
    except Unsupported as error:
        return Converted(b"", (), (_placed(error, reading),))
    wrong = tuple(
        _in_target(found, target) for found in target.check(written) if found.severity is Severity.ERROR
    )
    if wrong:
        return Converted(b"", (), wrong)
    own = (replace(loss, path=reading.places.own(loss.path)) for loss in losses.found)
    return Converted(
        dumps_exactly(written), (*reading.losses, *own), (), request.endpoint, target.schema_of(written)
    )


def _placed(error: Unsupported, reading: Reading) -> Finding:
    """Say what a writer has against a request in the words of the line that it was read from."""
    if not error.path:
        return Finding("E305", str(error), "", error.hint)
    own = reading.places.own(error.path)
    return Finding("E305", str(error).replace(error.path, own), own, error.hint)


def _in_target(found: Finding, target: Target) -> Finding:
    """Say what the target has against a line that was written for it; its paths are not the source's."""
    hint = "name the model with --model NAME" if found.path.endswith(".model") else found.hint
    return Finding(found.code, f"for {target.title}: {found.message}", "", hint)


# --- what was lost, over a whole file ---


@dataclass(slots=True)
class LostField:
    """One kind of loss in a file."""

    path: str
    """The field, with ``[*]`` for any index."""
    reason: str
    change: Change
    first_line: int
    lines: int = 0
    """How many lines lost it."""

    @property
    def sentence(self) -> str:
        """Tell it to a person."""
        count = f"{self.lines:,} line{'' if self.lines == 1 else 's'}"
        return f"{self.change}: {self.path} on {count} (first line {self.first_line}): {self.reason}"


_INDEX = re.compile(r"\[\d+\]")


class LossTally:
    """Counts losses by field and reason, in the order of meeting them. Bounded memory."""

    def __init__(self) -> None:
        """Begin with nothing lost."""
        self._found: dict[tuple[str, str, Change], LostField] = {}

    def add(self, losses: tuple[Loss, ...], line: int, lines: int = 1) -> None:
        """Count what ``lines`` lines from number ``line`` on lost; a field that one lost twice counts once."""
        for key in dict.fromkeys((_INDEX.sub("[*]", loss.path), loss.reason, loss.change) for loss in losses):
            known = key in self._found or len(self._found) < _MOST_KINDS
            kind = key if known else ("more", "too many to tell", Change.LOST)
            self._found.setdefault(kind, LostField(*kind, line)).lines += lines

    @property
    def fields(self) -> list[LostField]:
        """Give what was lost."""
        return list(self._found.values())


# --- lines of one pattern ---


@dataclass(frozen=True, slots=True)
class Frame:
    """What the lines of one pattern become: constant parts around texts, and what each line loses."""

    form: bytes
    """For ``%``: ``%b`` where a text goes, as it stands between the quotes of a JSON string."""
    order: tuple[int, ...]
    """Which text of the pattern goes where."""
    done: Converted

    @classmethod
    def of(cls, pattern: LinePattern, id_at: int, conversion: Conversion) -> Self | None:
        """Convert a line of the pattern with marks for texts; None where a text does not simply travel.

        That holds because a conversion moves texts, puts fixed words around them, and never looks inside.
        """
        marks = [f"{_MARK}{at:06d}" for at in range(pattern.size)]
        value = loads_exactly(pattern.join([mark.encode() for mark in marks]))
        done = convert_line(value, 1, marks[id_at], conversion)
        pieces = _MARKED.split(done.line)
        order = tuple(map(int, pieces[1::2]))
        if done.findings or sorted(order) != list(range(pattern.size)):
            return None
        form = b"%b".join(piece.replace(b"%", b"%%") for piece in pieces[::2])
        return cls(form, order, done)

    def lines(self, texts: list[str], size: int) -> list[bytes]:
        """Write the lines whose texts these are, ``size`` of them for each."""
        written = [dumps(text)[1:-1] for text in texts]
        form = self.form
        return [form % each for each in zip(*(written[at::size] for at in self.order), strict=True)]


_MARK = "batch-cli_text_"
_MARKED = re.compile(_MARK.encode() + rb"(\d{6})")
