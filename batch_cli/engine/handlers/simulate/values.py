"""Single values of the simulated model: bring a number into its bounds, a text into its pattern, find a label.

Each function keeps what a schema says about one value, or says that it cannot.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from batch_cli.engine.handlers.simulate.concepts import Concept, Kind
from batch_cli.engine.handlers.simulate.evidence import Evidence
from batch_cli.engine.handlers.simulate.regex_sample import NoSample, sample
from batch_cli.model import JsonObject

_LONGEST_TEXT = 400


class Unfillable(Exception):
    """No value could be made for a schema; the text says where and why."""


DENIAL = re.compile(r"\b(?:not|no|never|without|neither|nor|hardly|none|cannot|isn['’]t|aren['’]t|wasn['’]t|don['’]t|doesn['’]t|didn['’]t|can['’]t|won['’]t|haven['’]t|hasn['’]t)\b")  # fmt: skip
DENIED_AFTER = re.compile(r"^\w*(?:\s*[:=]\s*|\s+(?:is\s+|was\s+)?)(?:no|not|false|never)\b")
_JOB = re.compile(
    r"\b(?:works?\s+as|working\s+as|worked\s+as|employed\s+as|job\s*(?:is|:|=)|occupation\s*(?:is|:|=)|profession\s*(?:is|:|=)"
    r"|I\s+am|I['’]m|is|being|as|,)\s+(?:an?|the)\s+(?:\d+[- ]years?[- ]old[\s,]+)?"
    r"((?:[a-z][\w-]*\s+){0,2}?(?:[a-z][\w-]*(?:er|or|ist|ian|ant|ent|eer|man|woman|chef|nurse|judge|pilot|cook|clerk|architect|analyst|intern|coach|doctor|lead|boss|student)))\b",
)  # fmt: skip
NEUTRAL = ("neutral", "unknown", "other", "none", "n/a", "unspecified", "mixed")
_POSITIVE = re.compile(r"\b(?:love[sd]?|great|excellent|good|amazing|awesome|happy|fantastic|wonderful|perfect|best|enjoy(?:ed|s)?|recommend|delicious|superb|pleased|delighted)\b")  # fmt: skip
_NEGATIVE = re.compile(r"\b(?:hate[sd]?|bad|terrible|awful|horrible|worst|poor|disappoint(?:ed|ing)|broken|angry|sad|slow|refund|never again|useless|unhappy|rude|late)\b")  # fmt: skip


def mood(lower: str) -> str:
    """Give positive, negative or neutral, by counting words of praise and of complaint."""
    good, bad = len(_POSITIVE.findall(lower)), len(_NEGATIVE.findall(lower))
    return "positive" if good > bad else "negative" if bad > good else "neutral"


def find_words(lower: str, words: str) -> int:
    """Give where ``words`` stand in ``lower`` as whole words, or -1."""
    at = lower.find(words)
    while at >= 0:
        end = at + len(words)
        if not (at and lower[at - 1].isalnum()) and not (end < len(lower) and lower[end].isalnum()):
            return at
        at = lower.find(words, at + 1)
    return -1


def find_stem(lower: str, word: str) -> int:
    """Give where a word starts with the stem of ``word``, or -1."""
    stem = word[: max(4, len(word) - 3)] if len(word) > 4 else word  # noqa: PLR2004 - short words have no stem
    match = re.search(rf"\b{re.escape(stem)}", lower)
    return match.start() if match else -1


def within(value: float, schema: JsonObject) -> bool:
    """Tell whether a number is inside the bounds of its schema."""
    return bool(schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf))


def bounded(value: float, schema: JsonObject, *, whole: bool, where: str) -> int | float:
    """Bring a number inside the bounds of its schema, onto its grid."""
    step = schema.get("multipleOf") or (1 if whole else 0)
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    tiny = step or 1e-6
    if "exclusiveMinimum" in schema:
        low = max(
            low,
            schema["exclusiveMinimum"] + tiny * (1 if step else max(1.0, abs(schema["exclusiveMinimum"]))),
        )
    if "exclusiveMaximum" in schema:
        high = min(
            high,
            schema["exclusiveMaximum"] - tiny * (1 if step else max(1.0, abs(schema["exclusiveMaximum"]))),
        )
    result = min(max(value, low), high)
    if whole and step != int(step):
        step = step * round(1 / step) if step < 1 else 0
        if step != int(step) or not step:
            raise Unfillable(f"{where}: multipleOf of an integer must be whole")
    if step:
        result = round(result / step) * step
        result = result + step if result < low else result - step if result > high else result
    if not low <= result <= high:
        raise Unfillable(f"{where or 'the root'}: no number fits its bounds")
    return int(result) if whole else result


def shaped(text: str, schema: JsonObject, where: str, evidence: Evidence) -> str:
    """Bring a text to the length and pattern of its schema."""
    if "pattern" in schema and not _matches(schema["pattern"], text):
        found = matching_word(evidence.text, schema["pattern"])
        if found is None:
            try:
                found = sample(schema["pattern"])
            except NoSample as error:
                raise Unfillable(
                    f"{where or 'the root'}: no text for pattern {schema['pattern']!r}"
                ) from error
        text = found
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if most is not None and least > most:
        raise Unfillable(f"{where or 'the root'}: minLength is above maxLength")
    if most is not None and len(text) > most:
        text = text[:most]
    return text + "x" * max(0, int(least) - len(text))


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text[:_LONGEST_TEXT]) is not None
    except re.error as error:
        raise Unfillable(f"{pattern!r} is not a regular expression") from error


def matching_word(text: str, pattern: str) -> str | None:
    """Find a word of the text that the pattern takes as a whole."""
    for word in text.split()[:200]:
        stripped = word.strip(".,;:!?()\"'")
        if 0 < len(stripped) <= 64 and pattern.startswith("^") and _matches(pattern, stripped):  # noqa: PLR2004 - codes and numbers are short
            return stripped
    return None


_PLAIN = {
    Kind.EMAIL: "unknown@example.com",
    Kind.URL: "https://example.com",
    Kind.UUID: "00000000-0000-4000-8000-000000000000",
    Kind.DATE: "1970-01-01",
    Kind.DATE_TIME: "1970-01-01T00:00:00Z",
    Kind.TIME: "00:00:00Z",
}


def plain_text(kind: Kind, schema: JsonObject) -> str:
    """Give what stands for 'the text does not say'."""
    return _PLAIN.get(kind, "unknown") if "format" in schema else "unknown"


def implied_type(schema: JsonObject) -> str:
    """Give the type that the keywords of a schema without one speak of."""
    for key, kind in (
        ("properties", "object"), ("required", "object"), ("additionalProperties", "object"), ("items", "array"),
        ("prefixItems", "array"), ("minItems", "array"), ("minimum", "number"), ("maximum", "number"), ("multipleOf", "number"),
    ):  # fmt: skip
        if key in schema:
            return kind
    return "string"


@lru_cache(maxsize=512)
def _label(words: tuple[str, ...]) -> re.Pattern[str]:
    name = r"[\s_-]+".join(re.escape(word) for word in words)
    return re.compile(
        rf"\b{name}\s*(?:[:=]\s*|\s(?:is|was|are|of|called|named)\s+)(?:the\s+|an?\s+)?[\"“']?([^\n,.;!?\"”]{{1,80}})",
        re.I,
    )


def labelled(text: str, words: tuple[str, ...]) -> str | None:
    """Find 'colour: red' or 'the colour is red' for the field ``colour``."""
    for label in dict.fromkeys((words, words[-1:])):
        if match := _label(label).search(text):
            return match[1].strip()
    return None


def enumeration(evidence: Evidence, cues: tuple[str, ...]) -> list[str]:
    """Find 'a, b and c' behind the first of the cue words that stands in the text."""
    places = [(at, cue) for cue in cues if (at := find_words(evidence.lower, cue)) >= 0]
    if not places:
        return []
    at, cue = min(places, key=lambda place: (place[0], -len(place[1])))
    tail = re.split(r"[.!?;\n]", evidence.text[at + len(cue) :], maxsplit=1)[0].strip(" :-–—")
    parts = re.split(r"\s*,\s*(?:and\s+|or\s+)?|\s+(?:and|or|&)\s+", tail)
    cleaned = (re.sub(r"^(?:to|a|an|the|some|my|in|on|of)\s+", "", part).strip() for part in parts)
    return distinct([part for part in cleaned if 0 < len(part) <= 60])  # noqa: PLR2004 - longer is not an item


def distinct(values: list[Any]) -> list[Any]:
    """Give each value once, in the order of first appearance."""
    kept: list[Any] = []
    for value in values:
        if value not in kept:
            kept.append(value)
    return kept


def stretch_start(text: str, after: int, before: int) -> int:
    """Give where the part about the next person starts: behind the last break between the two names."""
    cut = max(text.rfind(mark, after, before) for mark in (". ", "; ", "\n", "! ", ", ", " and "))
    return cut + 1 if cut >= 0 else before


# --- texts ---


def _date_time(evidence: Evidence) -> list[str]:
    clock = next(iter(evidence.times), "00:00:00")
    return [f"{date}T{clock}Z" for date in evidence.dates]


def _people(evidence: Evidence) -> list[str]:
    """Give the likeliest person first, then everybody named, in order."""
    names = [name.text for name in evidence.people]
    return distinct([evidence.best_person, *names]) if evidence.best_person else names


def _last_names(evidence: Evidence) -> list[str]:
    return [parts[-1] for name in _people(evidence) if len(parts := name.split()) > 1]


def _job(evidence: Evidence) -> list[str]:
    found = _JOB.search(evidence.text)
    return [found[1]] if found else []


_FINDERS: dict[Kind, Callable[[Evidence], list[str]]] = {
    Kind.PERSON: _people,
    Kind.FIRST_NAME: lambda evidence: [name.split()[0] for name in _people(evidence)],
    Kind.LAST_NAME: _last_names,
    Kind.EMAIL: lambda evidence: evidence.emails,
    Kind.PHONE: lambda evidence: evidence.phones,
    Kind.URL: lambda evidence: evidence.urls,
    Kind.UUID: lambda evidence: evidence.uuids,
    Kind.DATE: lambda evidence: evidence.dates,
    Kind.DATE_TIME: _date_time,
    Kind.TIME: lambda evidence: evidence.times,
    Kind.PLACE: lambda evidence: distinct(evidence.places),
    Kind.ORGANISATION: lambda evidence: distinct(evidence.organisations),
    Kind.JOB: _job,
    Kind.SUMMARY: lambda evidence: evidence.sentences,
}


def one_text(evidence: Evidence, concept: Concept) -> str | None:
    """Give what the text says for a field of this kind, or None."""
    find = _FINDERS.get(concept.kind)
    if find is None:
        return labelled(evidence.text, concept.words)
    return next(iter(find(evidence)), None)


def all_texts(evidence: Evidence, concept: Concept) -> list[str]:
    """Give everything that the text lists for a field of this kind."""
    if concept.kind in (Kind.PERSON, Kind.FIRST_NAME):
        names = [name.text for name in evidence.people]
        return names if concept.kind is Kind.PERSON else [name.split()[0] for name in names]
    find = _FINDERS.get(concept.kind)
    if find is None or concept.kind in (Kind.JOB, Kind.SUMMARY):
        return enumeration(evidence, (*concept.list_cues, *concept.words))
    return find(evidence)
