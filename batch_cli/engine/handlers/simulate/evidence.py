"""What a text says, found by general rules: names, numbers, dates, addresses of the electronic kind.

Part of the simulated model. Nothing here knows any particular text; the rules are those of everyday
English, with the capitals, digits and punctuation that other European languages share.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple

from batch_cli.engine.handlers.simulate.words import (
    BEFORE_ORGANISATION,
    BEFORE_PLACE,
    MAYBE_BEFORE_NAME,
    MONTHS,
    NOT_NAMES,
    SCALE,
    SURELY_BEFORE_NAME,
    TENS,
    TITLES,
    UNITS,
)

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_URL = re.compile(r"https?://[^\s<>\"')\]]+[^\s<>\"')\].,;:!?]|\bwww\.[^\s<>\"')\],;]+[^\s<>\"')\].,;:!?]")
_PHONE = re.compile(r"(?<![\w.-])\+?\(?\d{1,4}\)?(?:[ .-]?\(?\d{2,4}\)?){2,5}(?!\w)")
_UUID = re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b")
_CLOCK = re.compile(
    r"\b([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?:\s*([ap])\.?m\b\.?)?|\b(1[0-2]|[1-9])\s*([ap])\.?m\b\.?",
    re.IGNORECASE,
)
_MONTH = r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
_DATE = re.compile(
    rf"\b(?P<iso>\d{{4}}-\d{{2}}-\d{{2}})\b"
    rf"|\b(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+(?P<m1>{_MONTH})\.?,?\s+(?P<y1>\d{{4}})\b"
    rf"|\b(?P<m2>{_MONTH})\.?\s+(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y2>\d{{4}})\b"
    rf"|\b(?P<d3>\d{{1,2}})[/.](?P<m3>\d{{1,2}})[/.](?P<y3>\d{{4}})\b"
)
# Patterns start with what they look for and look back afterwards: the regex engine then skips ahead.
_NUMBER = re.compile(
    r"\d(?<![\w.,][\s\S])(?:\d{0,2}(?:,\d{3})+|\d*)(?:\.\d+)?(?!\d)(?!\.\d)"
    r"(?=(?:st|nd|rd|th|k|m|kg|g|km|cm|mm|ml|l|x|yo|y|yrs?|hrs?|h|min|s|lbs?|%|€|\$|°)?\b|\W|$)",
    re.IGNORECASE,
)
_SPELLED = re.compile(
    rf"\b(?:({'|'.join(TENS)})(?:[- ]({'|'.join(list(UNITS)[1:10])}))?|({'|'.join(UNITS)}))\b"
    r"(?:\s+(hundred|thousand|million))?"
)
_SPELLED_WORDS = tuple(word for word in (*TENS, *UNITS) if word not in ("one", "ten"))
_DIGIT = re.compile(r"\d")
_CLOCK_FOLLOWS = re.compile(r":\d|\s*[apAP]\.?[mM]\b")
_MINUS = ("-", "−")
_SHORTEST_PHONE = 7
_WORD = r"[^\W\d_][^\W\d_]*(?:['’-][^\W\d_]+)*"
_PARTICLE = r"(?:(?:de|da|del|della|di|du|van|von|der|den|la|le|al|bin|ibn|ben)\s+)"
_CAPITAL = r"[A-ZÀ-ÖØ-ÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮİĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽА-Я]"
_PROPER = re.compile(
    rf"{_CAPITAL}(?<![\w'’@./-][\s\S])\w*(?:['’-][^\W\d_]{{2,}})*"
    rf"(?:(?:\s+{_PARTICLE}*|\s+)(?:{_CAPITAL}\.|{_CAPITAL}\w*(?:['’-][^\W\d_]{{2,}})*))*"
)
_OPENING = " \"“'‘(-–—:=,"
_SENTENCE_ENDS = '.!?…:;\n-–—"“('
_SMALL_NUMBER = rf"(?:\d{{1,3}}|{'|'.join((*TENS, *UNITS))})\b"
_AFTER_NAME = re.compile(
    rf"\s*(?:here\b|speaking\b|reporting\b|,\s*(?:now\s+|aged?\s+)?{_SMALL_NUMBER}|\s+aged\b|\(\d{{1,3}}\b"
    r"|(?:,\s*who\s+)?is\s+(?:a|an|the|my|now|\d)|is\s+\w+[- ]?\w*\s+years?"
    r"|turn(?:s|ed)\b|works\b|lives\b|loves\b|wrote\b|said\b|asked\b|has\b|was\b|just\b|['’]s\s+(?:age|the\s+name|my\s+name)|,?\s+a\s)",
    re.IGNORECASE,
)
_APPOSITION = re.compile(r"(?:[A-ZÀ-Þ][\w'’.-]*|\w-[A-Z][\w-]*),?\s+\(?$")
_APPOSED = re.compile(r"\s*(?:[,.;:)!]|$)")
_LOWER_NAME = re.compile(rf"\b(?:my\s+name(?:['’]s|\s+is)|name\s*[:=]|call\s+me|named)\s+({_WORD})", re.I)
_SENTENCE = re.compile(r"[^.!?\n]*(?:[.!?](?=\S)[^.!?\n]*)*(?:[.!?]+|\n|$)")


class Number(NamedTuple):
    """A number in a text."""

    value: int | float
    start: int
    end: int


class Name(NamedTuple):
    """Capitalised words that may name somebody or something."""

    text: str
    start: int
    end: int
    score: int
    """How much the words around it speak for a person: 0 for hardly, 3 and more for surely."""


@dataclass(slots=False)
class Evidence:
    """One text and, found on demand, what it says."""

    text: str

    @cached_property
    def lower(self) -> str:
        """The text in lower case, at the same positions."""
        lowered = self.text.lower()
        return lowered if len(lowered) == len(self.text) else self.text

    @cached_property
    def emails(self) -> list[str]:
        """Give e-mail addresses in order."""
        return _EMAIL.findall(self.text) if "@" in self.text else []

    @cached_property
    def urls(self) -> list[str]:
        """Give web addresses in order."""
        return _URL.findall(self.text) if "://" in self.text or "www." in self.text else []

    @cached_property
    def uuids(self) -> list[str]:
        """Give UUIDs in order."""
        return _UUID.findall(self.text) if self.text.count("-") >= 4 else []  # noqa: PLR2004 - as many as a UUID has

    @cached_property
    def phones(self) -> list[str]:
        """Give telephone numbers in order: at least seven digits that are not a date."""
        found = []
        for match in _PHONE.finditer(self.text):
            digits = sum(c.isdigit() for c in match[0])
            if _SHORTEST_PHONE <= digits <= 15 and not _DATE.fullmatch(match[0]):  # noqa: PLR2004 - E.164 allows 15 digits
                found.append(match[0].strip())
        return found

    @cached_property
    def dates(self) -> list[str]:
        """Give full dates in order, as ``YYYY-MM-DD``; day before month where only digits are given."""
        return [found for match in _DATE.finditer(self.text) if (found := _iso_date(match))]

    @cached_property
    def times(self) -> list[str]:
        """Give times of day in order, as ``HH:MM:SS``."""
        return [_iso_time(match) for match in _CLOCK.finditer(self.text)]

    @cached_property
    def numbers(self) -> list[Number]:
        """Give numbers in order, in digits or spelled out, that are not part of something else."""
        found = []
        if plain := list(_NUMBER.finditer(self.text)):
            taken = self._spans_with_digits(plain)
            found = [
                Number(self._signed(match), match.start(), match.end())
                for match in plain
                if not any(start <= match.start() < end for start, end in taken)
            ]
        for word in _SPELLED_WORDS:
            if word in self.lower:
                for match in _SPELLED.finditer(self.lower):
                    if (value := _spelled_value(match)) is not None:
                        found.append(Number(value, match.start(), match.end()))
                found.sort(key=lambda number: number.start)
                break
        return found

    def is_apposed(self, number: Number) -> bool:
        """Tell whether a number stands beside a name like an age: ``Ann Lee, 61, …`` or ``Ann Lee (61)``."""
        before = self.text[max(0, number.start - 24) : number.start]
        opens = before.rstrip(" ")[-1:]
        return (
            opens in (",", "(")
            and _APPOSITION.search(before) is not None
            and _APPOSED.match(self.text, number.end) is not None
        )

    def _signed(self, match: re.Match[str]) -> int | float:
        """Read a number; a dash in front counts as a minus only where no word ends before it."""
        value = _value(match[0])
        sign = self.text[max(0, match.start() - 2) : match.start()]
        return -value if sign[-1:] in _MINUS and not sign[:-1].strip() else value

    def _spans_with_digits(self, plain: list[re.Match[str]]) -> list[tuple[int, int]]:
        """Give the places of dates, times, addresses and telephone numbers, whose digits are not numbers.

        ``plain`` are the numbers found so far: a pattern that they leave no room for is not tried.
        """
        text = self.text
        digits = [match.end() - match.start() for match in plain]
        patterns = []
        if max(digits) >= 4:  # noqa: PLR2004 - the year of a date
            patterns.append(_DATE)
        if any(_CLOCK_FOLLOWS.match(text, match.end()) for match in plain):
            patterns.append(_CLOCK)
        if "@" in text:
            patterns.append(_EMAIL)
        if "://" in text or "www." in text:
            patterns.append(_URL)
        if text.count("-") >= 4:  # noqa: PLR2004 - as many as a UUID has
            patterns.append(_UUID)
        spans = [match.span() for pattern in patterns for match in pattern.finditer(text)]
        if sum(digits) >= _SHORTEST_PHONE:
            spans += [
                match.span()
                for match in _PHONE.finditer(text)
                if len(_DIGIT.findall(match[0])) >= _SHORTEST_PHONE
            ]
        return spans

    @cached_property
    def proper_nouns(self) -> list[Name]:
        """Give runs of capitalised words in order, each scored for being a person's name."""
        found = []
        for match in _PROPER.finditer(self.text):
            if match[0].lower() in NOT_NAMES:
                continue
            start, end = _without_stop_words(self.text, *match.span())
            if start < end and (score := self._person_score(start, end)) > 0:
                found.append(Name(self.text[start:end], start, end, score))
        lowered = self.text.lower()
        may_name = "name" in lowered or "call" in lowered  # the pattern below takes twice as long to say no
        if may_name and not any(name.score >= 3 for name in found):  # noqa: PLR2004 - nobody surely named
            found.extend(
                Name(match[1].title(), match.start(1), match.end(1), 3)
                for match in _LOWER_NAME.finditer(self.text)
                if match[1].islower() and match[1].lower() not in NOT_NAMES
            )
        return found

    def _person_score(self, start: int, end: int) -> int:
        before, after = self.text[max(0, start - 24) : start], self.text[end : end + 40]
        tail = before.rstrip(" ")
        at_start = not tail or tail[-1] in _SENTENCE_ENDS
        cue = before.rstrip(_OPENING).lower()
        score = 1 if at_start else 2
        if _ends_with(cue, SURELY_BEFORE_NAME):
            score += 4
        elif _ends_with(cue, MAYBE_BEFORE_NAME):
            score += 2
        if _AFTER_NAME.match(after):
            score += 2
        if " " in self.text[start:end]:  # a first and a last name, rather than a word that starts a sentence
            score += 1
        if _ends_with(cue, BEFORE_PLACE) or _ends_with(cue, BEFORE_ORGANISATION):
            score -= 2
        if self.text[start:end].isupper() and end - start > 1:
            score -= 1
        return max(score, 0) if not (at_start and score == 1 and after[:1].islower()) else 0

    @cached_property
    def people(self) -> list[Name]:
        """Give likely names of people: those with the best score in the text, in order of appearance."""
        best = max((name.score for name in self.proper_nouns), default=0)
        floor = min(best, 3)
        seen: set[str] = set()
        return [
            name
            for name in self.proper_nouns
            if name.score >= floor and not (name.text in seen or seen.add(name.text))  # type: ignore[func-returns-value]  # add gives None
        ]

    @cached_property
    def best_person(self) -> str | None:
        """Give the name the text most probably is about: the highest score, the earliest of equals."""
        best = max(self.proper_nouns, key=lambda name: (name.score, -name.start), default=None)
        return best.text if best else None

    @cached_property
    def places(self) -> list[str]:
        """Give proper nouns that follow a word of place, in order."""
        return self._after(BEFORE_PLACE)

    @cached_property
    def organisations(self) -> list[str]:
        """Give proper nouns that follow a word of employment, in order."""
        return self._after(BEFORE_ORGANISATION)

    def _after(self, cues: tuple[str, ...]) -> list[str]:
        found = []
        for match in _PROPER.finditer(self.text):
            before = self.text[max(0, match.start() - 24) : match.start()].rstrip(" ").lower()
            if _ends_with(before, cues) and match[0].lower() not in NOT_NAMES:
                found.append(match[0])
        return found

    @cached_property
    def sentences(self) -> list[str]:
        """Give the sentences in order, trimmed; never an empty one."""
        return [part for match in _SENTENCE.finditer(self.text) if (part := match[0].strip())]


def _ends_with(text: str, cues: tuple[str, ...]) -> bool:
    """Tell whether ``text`` ends with one of the cues as whole words."""
    if not text.endswith(cues):
        return False
    return any(text.endswith(cue) and not text[: -len(cue)][-1:].isalnum() for cue in cues)


def _without_stop_words(text: str, start: int, end: int) -> tuple[int, int]:
    """Drop greetings, titles and the like from both ends of a run of capitalised words."""
    while start < end:
        stop = text.find(" ", start, end)
        stop = end if stop < 0 else stop
        if not _is_stop_word(text[start:stop]):
            break
        start = stop + 1 if stop < end else end
    while start < end:
        last = text.rfind(" ", start, end) + 1 or start
        if not _is_stop_word(text[last:end]):
            break
        end = max(last - 1, start)
    if text[start:end].endswith(("'s", "’s")):
        end -= 2
    return start, end


def _is_stop_word(word: str) -> bool:
    lower = word.strip().lower().rstrip(".")
    return not lower or lower in NOT_NAMES or lower in TITLES


def _value(digits: str) -> int | float:
    plain = digits.replace(",", "")
    return float(plain) if "." in plain else int(plain[:300])


def _spelled_value(match: re.Match[str]) -> int | None:
    tens, unit, small, scale = match.groups()
    if small is not None and scale is None and small.lower() == "one":
        return None  # "one" is a pronoun far more often than a number
    value = TENS.get((tens or "").lower(), 0) + UNITS.get((unit or small or "").lower(), 0)
    return value * SCALE.get((scale or "").lower(), 1)


def _iso_date(match: re.Match[str]) -> str | None:
    """Write a date as ``YYYY-MM-DD``, or give None for one that no calendar has."""
    if match["iso"]:
        year, month, day = (int(part) for part in match["iso"].split("-"))
    elif match["m1"] or match["m2"]:
        name = match["m1"] or match["m2"]
        month = MONTHS.index(name[:3].lower()) + 1
        year, day = int(match["y1"] or match["y2"]), int(match["d1"] or match["d2"])
    else:
        day, month, year = int(match["d3"]), int(match["m3"]), int(match["y3"])
        if month > len(MONTHS) >= day:  # written month first
            day, month = month, day
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _iso_time(match: re.Match[str]) -> str:
    hour, half = int(match[1] or match[5]), (match[4] or match[6] or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return f"{hour:02d}:{match[2] or '00'}:{match[3] or '00'}"
