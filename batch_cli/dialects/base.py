"""What the dialects share: a line as it was read, and what cannot be carried over, placed in the line's own words."""

from __future__ import annotations

import enum
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field

from batch_cli.model import BatchRequest, JsonObject, JsonValue


class Unsupported(Exception):
    """A dialect cannot say what a request asks for. Carries where (``path``) and what to do (``hint``)."""

    def __init__(self, message: str, *, path: str = "", hint: str | None = None) -> None:
        """Keep the reason and the place."""
        super().__init__(message)
        self.path, self.hint = path, hint


class Change(enum.StrEnum):
    """What becomes of something that another dialect says differently."""

    LOST = "lost"
    ADDED = "added"
    MOVED = "moved"

    @property
    def ahead(self) -> str:
        """Say how a person does it ahead of a conversion."""
        return {self.LOST: "remove it", self.ADDED: "write one", self.MOVED: "say it there"}[self]


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that another dialect has no words for, or wants said, or elsewhere."""

    path: str
    """The JSON field, for example ``body.messages[0].name``."""
    reason: str
    """Why, as the end of a sentence: ``Anthropic has no log probabilities``."""
    change: Change = Change.LOST


class Losses:
    """What a request loses on its way into another dialect, in the order of meeting it."""

    def __init__(self) -> None:
        """Begin with nothing lost."""
        self.found: list[Loss] = []

    def add(self, path: str, reason: str, change: Change = Change.LOST) -> None:
        """Note one loss."""
        self.found.append(Loss(path, reason, change))

    def add_rest(self, holder: JsonObject, known: Container[str], path: str, reason: str) -> None:
        """Note every field of ``holder`` that is not ``known``; null counts as not given."""
        for name, value in holder.items():
            if name not in known and value is not None:
                self.add(f"{path}.{name}" if path else name, reason)


_MESSAGE = re.compile(r"messages\[(\d+)\](.*)", re.DOTALL)
_HEAD = re.compile(r"[^.\[]*")


@dataclass(frozen=True, slots=True)
class Places:
    """Where the parts of a neutral request stand in the line that it was read from."""

    root: str
    """The object that holds the settings: ``body``, ``params``, ``request``; empty for the line itself."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Settings that stand somewhere else than under their neutral name in ``root``: their whole path."""
    messages: list[str] | None = None
    """The path of each neutral message; None where ``root.messages`` holds them in the same order."""

    def own(self, path: str) -> str:
        """Give the line's own path for a path in a neutral request."""
        message = _MESSAGE.fullmatch(path)
        if message and self.messages is not None:
            at = int(message[1])
            return self.messages[at] + message[2] if at < len(self.messages) else self.root
        head = _HEAD.match(path)[0]  # type: ignore[index]  # the pattern also matches nothing
        start = self.words.get(head) or ".".join(filter(None, (self.root, head)))
        return start + path[len(head) :]


def beside(line: JsonObject, envelope: Container[str]) -> tuple[Loss, ...]:
    """Give what stands in a line beside its request, which no other dialect has a place for."""
    losses = Losses()
    losses.add_rest(line, envelope, "", "no other dialect has it beside the request")
    return tuple(losses.found)


@dataclass(frozen=True, slots=True)
class Reading:
    """One request line, read."""

    request: BatchRequest
    places: Places
    losses: tuple[Loss, ...] = ()
    """What the neutral form has no words for, by the line's own paths."""


def each_object(value: JsonValue, path: str) -> Iterator[tuple[str, JsonObject]]:
    """Give the objects of a list, each with its path; an absent list is an empty one.

    Raises:
        Unsupported: it is no list, or holds something else.
    """
    if value is None:
        return
    if not isinstance(value, list):
        raise Unsupported(f"{path} must be an array", path=path, hint="make it a JSON array")
    for at, item in enumerate(value):
        here = f"{path}[{at}]"
        if not isinstance(item, dict):
            raise Unsupported(f"{here} must be an object", path=here, hint="make it a JSON object")
        yield here, item


def text_of(holder: JsonObject, name: str, path: str) -> str:
    """Give a field that has to be a text.

    Raises:
        Unsupported: it is missing, or something else.
    """
    value = holder.get(name)
    if not isinstance(value, str):
        here = f"{path}.{name}" if path else name
        raise Unsupported(f"{here} must be a string", path=here, hint="put it in quotes")
    return value


def object_at(holder: JsonObject, name: str, path: str) -> JsonObject:
    """Give a field that has to be an object; absent is empty.

    Raises:
        Unsupported: it is something else.
    """
    value = holder.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        here = f"{path}.{name}" if path else name
        raise Unsupported(f"{here} must be an object", path=here, hint="make it a JSON object")
    return value
