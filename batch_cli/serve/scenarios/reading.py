"""Reads scenarios: documents of one form, whether they are built in, in a file, or sent to a server.

A document is refused with everything that is wrong with it, each problem with the path of its member.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from batch_cli.errors import InvalidInput, Problem, UsageError, disk_error, quoted
from batch_cli.json_faults import explain
from batch_cli.jsonl import loads
from batch_cli.model import JsonObject, JsonValue
from batch_cli.serve.scenarios.built_in import BUILT_IN
from batch_cli.serve.scenarios.fields import CHOICES, EFFECTS, FAULTS, Kind, Setting
from batch_cli.serve.scenarios.scenario import BatchRule, Choice, Route, Rule, Scenario

_MEMBERS = ("description", "seed", "rules", "batches")
_MOST_BYTES = 1_000_000
_MOST_ITEMS = 1_000
_ROUTE = re.compile(r"(\*|[A-Z]+(?:\|[A-Z]+)*) (/\S{0,199})")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_MOST_STARS = 8
_HIGHEST = {Kind.SHARE: 1.0, Kind.SECONDS: 1e6, Kind.COUNT: 1e6, Kind.STATUS: 599}
_LOWEST = {Kind.COUNT: 1, Kind.STATUS: 200}
_MOST_SEED = 2**63


def load(given: str) -> Scenario:
    """Give the scenario that ``given`` names: one that is built in, or a file.

    Raises:
        UsageError: there is neither.
        InvalidInput: the document is wrong.
        DiskError: the file cannot be read.
    """
    if given in BUILT_IN:
        return decode(BUILT_IN[given], given)
    path = Path(given)
    if "/" not in given and path.suffix != ".json" and not path.exists():
        close = difflib.get_close_matches(given, BUILT_IN, n=1)
        raise UsageError(
            f"there is no scenario {quoted(given)}",
            where=f"did you mean {quoted(close[0])}?" if close else (),
            hint="batch-cli serve --list-scenarios shows them; a file is given by its path",
        )
    try:
        with path.open("rb") as stream:
            raw = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise disk_error(error, path, doing="reading") from error
    return parse(raw, path.stem, str(path))


def parse(raw: bytes, name: str, source: str) -> Scenario:
    """Read the text of a document, which ``source`` names in errors.

    Raises:
        InvalidInput: it is no JSON, or wrong.
    """
    if len(raw) > _MOST_BYTES:
        raise InvalidInput(f"{quoted(source)} is no scenario: it has more than {_MOST_BYTES:,} bytes")
    fault = explain(raw)
    if fault is not None:
        before = raw.decode("utf-8", "replace")[: fault.column - 1]
        problem = Problem(
            fault.code,
            fault.message,
            hint=fault.hint,
            file=source,
            line=before.count("\n") + 1,
            column=len(before) - before.rfind("\n"),
        )
        raise InvalidInput(f"{quoted(source)} is no JSON", problems=(problem,))
    return decode(loads(raw), name, source)


def decode(document: JsonValue, name: str, source: str | None = None) -> Scenario:
    """Read a document.

    Raises:
        InvalidInput: it is wrong; carries every problem.
    """
    reader = _Reader(source)
    scenario = reader.scenario(document, name)
    if reader.problems:
        count = len(reader.problems)
        raise InvalidInput(
            f"the scenario {quoted(name)} is not valid: {count} problem{'' if count == 1 else 's'}",
            problems=tuple(reader.problems),
            hint="batch-cli serve --list-scenarios --json shows valid ones; docs/scenarios.md describes the form",
        )
    return scenario


class _Reader:
    """Reads one document and notes what is wrong; what it gives counts only if nothing is."""

    def __init__(self, source: str | None) -> None:
        self._source = source
        self.problems: list[Problem] = []

    def _wrong(self, path: str, message: str) -> None:
        said = f"{path}: {message}" if path else message
        self.problems.append(Problem("E305", said, file=self._source, path=path or None))

    def scenario(self, document: JsonValue, name: str) -> Scenario:
        if not isinstance(document, dict):
            self._wrong("", "a scenario must be a JSON object")
            return Scenario()
        self._only(document, _MEMBERS, "")
        about = document.get("description", "")
        if not isinstance(about, str):
            self._wrong("description", "must be a text")
        seed = document.get("seed")
        if seed is not None and not (_is_whole(seed) and abs(seed) < _MOST_SEED):
            self._wrong("seed", "must be a whole number of up to 63 bits")
        rules = self._each(document, "rules", self._rule)
        batches = self._each(document, "batches", self._batch_rule)
        return Scenario(name, about, seed, tuple(rules), tuple(batches))

    def _each(self, document: JsonObject, name: str, read: Callable[[JsonObject, str], Any]) -> list[Any]:
        items = document.get(name, [])
        if not isinstance(items, list) or len(items) > _MOST_ITEMS:
            self._wrong(name, f"must be a list of at most {_MOST_ITEMS:,} objects")
            return []
        found = []
        for at, item in enumerate(items):
            path = f"{name}[{at}]"
            if isinstance(item, dict):
                found.append(read(item, path))
            else:
                self._wrong(path, "must be an object")
        return found

    def _rule(self, item: JsonObject, path: str) -> Rule:
        route, fault = item.get("route"), item.get("fault")
        found = _ROUTE.fullmatch(route) if isinstance(route, str) else None
        if found is None or found[2].count("*") > _MOST_STARS:
            self._wrong(
                f"{path}.route", 'must be a method and a path, such as "POST /v1/batches" or "* /v1/**"'
            )
        settings = {}
        if isinstance(fault, str) and fault in FAULTS:
            known = FAULTS[fault].settings
            self._only(item, ("route", "fault", *CHOICES, *known), path)
            settings = self._settings(item, known, path)
        else:
            self._unknown(f"{path}.fault", fault, FAULTS)
        return Rule(Route(str(route)), self._choice(item, path), str(fault), settings)

    def _choice(self, item: JsonObject, path: str) -> Choice:
        given = [name for name in CHOICES if name in item]
        if len(given) > 1:
            self._wrong(path, f"has {' and '.join(given)}: only one of them can decide")
        nth = item.get("nth")
        numbers = nth if isinstance(nth, list) else [] if nth is None else [nth]
        if not all(_is_whole(number) and number > 0 for number in numbers) or nth == []:
            self._wrong(f"{path}.nth", "must be a number from 1, or a list of such numbers")
            numbers = []
        first, every = (self._number(item, name, path) for name in ("first", "every"))
        share = item.get("share")
        if share is not None and not _is_between(share, 0, 1):
            self._wrong(f"{path}.share", f"must be {Kind.SHARE.value}")
        return Choice(None if nth is None else frozenset(numbers), first, every, share)

    def _number(self, item: JsonObject, name: str, path: str) -> int | None:
        value = item.get(name)
        if value is not None and not (_is_whole(value) and value > 0):
            self._wrong(f"{path}.{name}", "must be a whole number from 1")
            return None
        return value

    def _batch_rule(self, item: JsonObject, path: str) -> BatchRule:
        self._only(item, (*CHOICES, *EFFECTS), path)
        given = {name: value for name, value in item.items() if name in EFFECTS}
        self._settings(given, EFFECTS, path)
        if "after" in given and "stop" not in given:
            self._wrong(f"{path}.after", 'needs "stop" beside it, which says what happens then')
        reject = given.get("reject")
        if isinstance(reject, dict):
            self._only(reject, ("code", "message", "param", "line"), f"{path}.reject")
        return BatchRule(self._choice(item, path), given)

    def _settings(self, item: JsonObject, known: Mapping[str, Setting], path: str) -> JsonObject:
        """Give all settings, with the defaults of those that are not there."""
        for name, setting in known.items():
            if name not in item:
                if setting.is_needed:
                    self._wrong(f"{path}.{name}", f"is missing: {setting.about}")
            elif not _fits(setting, item[name]):
                words = f"one of {', '.join(setting.words)}" if setting.words else setting.kind.value
                self._wrong(f"{path}.{name}", f"must be {words}")
        return {name: item.get(name, setting.default) for name, setting in known.items()}

    def _only(self, item: JsonObject, known: Iterable[str], path: str) -> None:
        names = list(known)
        for name in item:
            if name not in names:
                self._unknown(f"{path}.{name}".strip("."), name, names)

    def _unknown(self, path: str, value: JsonValue, known: Iterable[str]) -> None:
        names = list(known)
        close = difflib.get_close_matches(str(value), names, n=1)
        guess = f"; did you mean {quoted(close[0])}?" if close else ""
        said = "is missing" if value is None else f"{quoted(str(value))} is not known"
        self._wrong(path, f"{said}{guess or ': use one of ' + ', '.join(names)}")


def _is_whole(value: JsonValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_between(value: JsonValue, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _is_printable(value: JsonValue) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable()


def _fits(setting: Setting, value: JsonValue) -> bool:
    match setting.kind:
        case Kind.SHARE | Kind.SECONDS:
            return _is_between(value, 0, _HIGHEST[setting.kind])
        case Kind.COUNT | Kind.STATUS:
            return _is_whole(value) and _is_between(value, _LOWEST[setting.kind], _HIGHEST[setting.kind])
        case Kind.TEXT:
            return isinstance(value, str)
        case Kind.WAIT:
            return _is_printable(value) or (isinstance(value, int | float) and not isinstance(value, bool))
        case Kind.HEADER:
            return _is_printable(value)
        case Kind.FLAG:
            return isinstance(value, bool)
        case Kind.OBJECT:
            return isinstance(value, dict)
        case Kind.HEADERS:
            return isinstance(value, dict) and all(
                _HEADER_NAME.fullmatch(name) and _is_printable(text) for name, text in value.items()
            )
        case Kind.NAMES:
            return isinstance(value, list) and all(isinstance(text, str) for text in value)
        case Kind.WORD:
            return value in setting.words
