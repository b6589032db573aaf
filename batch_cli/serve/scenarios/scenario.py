"""What a scenario holds, and which requests and batches it hits; pure, with the counting left to the stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import reduce
from typing import Self

from batch_cli.model import JsonObject
from batch_cli.serve.scenarios.seed import draw

_LONGEST_PATH = 2_000
"""No rule hits a longer path: comparing costs."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of the things that come one after the other are meant; one member is set, or none for all."""

    nth: frozenset[int] | None = None
    """Numbers from 1."""
    first: int | None = None
    every: int | None = None
    share: float | None = None

    def hits(self, number: int, luck: float) -> bool:
        """Tell whether thing ``number`` is meant; ``luck`` is its number from 0 up to 1."""
        if self.nth is not None:
            return number in self.nth
        if self.first is not None:
            return number <= self.first
        if self.every is not None:
            return number % self.every == 0
        return self.share is None or luck < self.share


@dataclass(frozen=True, slots=True)
class Route:
    """Requests by method and path: ``* /v1/files/*/content``; ``*`` stays within a segment, a last ``**`` does not."""

    text: str

    def matches(self, method: str, path: str) -> bool:
        """Tell whether a request is meant; the path is without its query."""
        methods, _, pattern = self.text.partition(" ")
        if methods != "*" and method not in methods.split("|"):
            return False
        if len(path) > _LONGEST_PATH:
            return False
        wanted, given = pattern.split("/"), path.split("/")
        if wanted[-1] == "**":
            wanted.pop()
            given, rest = given[: len(wanted)], given[len(wanted) :]
            if not rest:
                return False
        return len(wanted) == len(given) and all(map(fnmatchcase, given, wanted))


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault for some of the requests of a route."""

    route: Route
    choice: Choice
    fault: str
    """A name of `fields.FAULTS`."""
    settings: JsonObject
    """Complete: what was left out has its default."""


@dataclass(frozen=True, slots=True)
class BatchRule:
    """What befalls some of the batches, in the order in which they are made."""

    choice: Choice
    effects: JsonObject
    """Members of `fields.EFFECTS`; only those that were given."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario. Of the rules that hit a request the first is played; of those that hit a batch, all."""

    name: str = "ok"
    about: str = ""
    seed: int | None = None
    """None: whoever plays it decides."""
    rules: tuple[Rule, ...] = ()
    batches: tuple[BatchRule, ...] = ()

    def effects(self, seed: int, number: int) -> JsonObject:
        """Give what befalls batch ``number``, counted from 1; later entries win over earlier ones."""
        hit = [
            rule.effects
            for at, rule in enumerate(self.batches)
            if rule.choice.hits(number, draw(seed, "batch", at, number))
        ]
        return reduce(lambda all_of_them, effects: {**all_of_them, **effects}, hit, {})

    def and_then(self, other: Self) -> Scenario:
        """Give one that plays both: this one's rules come first, and its seed counts if it has one."""
        return Scenario(
            f"{self.name}+{other.name}",
            "; ".join(text for text in (self.about, other.about) if text),
            other.seed if self.seed is None else self.seed,
            self.rules + other.rules,
            self.batches + other.batches,
        )


def together(scenarios: Sequence[Scenario]) -> Scenario:
    """Give one scenario that plays all of them; without any, nothing goes wrong."""
    return reduce(Scenario.and_then, scenarios) if scenarios else Scenario()
