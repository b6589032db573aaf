"""What a field is about, judged by its name: the words that stand near such a value in a text.

Part of the simulated model. Words, not answers: nothing here knows any particular text or schema.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache


class Kind(enum.Enum):
    """What sort of text a string field wants."""

    PERSON = "person"
    FIRST_NAME = "first name"
    LAST_NAME = "last name"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    UUID = "uuid"
    DATE = "date"
    DATE_TIME = "date-time"
    TIME = "time"
    PLACE = "place"
    ORGANISATION = "organisation"
    JOB = "job"
    SUMMARY = "summary"
    OTHER = "other"


_FORMATS = {
    "email": Kind.EMAIL,
    "idn-email": Kind.EMAIL,
    "date": Kind.DATE,
    "date-time": Kind.DATE_TIME,
    "time": Kind.TIME,
    "uri": Kind.URL,
    "url": Kind.URL,
    "uuid": Kind.UUID,
}
_LAST_WORD_KINDS = {
    Kind.EMAIL: "email mail e_mail",
    Kind.PHONE: "phone telephone mobile cell tel fax phonenumber",
    Kind.URL: "url website site link homepage uri webpage",
    Kind.UUID: "uuid guid",
    Kind.DATE: "date day birthday birthdate dob deadline due",
    Kind.TIME: "time hour",
    Kind.PLACE: "city town country location place state region destination origin village address hometown birthplace",
    Kind.ORGANISATION: "company employer organization organisation business firm school university brand vendor college workplace org",
    Kind.JOB: "job occupation profession role position career work jobtitle",
    Kind.SUMMARY: "summary text content description answer message note notes reason explanation comment review body abstract about bio details reply response output result",
    Kind.PERSON: "name person customer author speaker contact employee user username student patient client sender"
    " recipient owner host guest attendee individual people member participant applicant candidate fullname",
    Kind.FIRST_NAME: "firstname forename",
    Kind.LAST_NAME: "lastname surname",
}
_KIND_OF_WORD = {word: kind for kind, words in _LAST_WORD_KINDS.items() for word in words.split()}
_GIVEN, _FAMILY = {"first", "given"}, {"last", "family", "sur"}

# "<" marks a word that only counts in front of the number, ">" one that only counts behind it.
_CUES = {
    "age": ">years old|>year old|>year-old|>years-old|>yrs old|>years young|>years of age|>yo|>y/o|<aged|<age|<turned"
    "|<turning|<turn|<turns|<i am|<i'm|<i’m|<being|<is|<he's|<she's|<he’s|<she’s|<be|<newly|<freshly|<now",
    "price": "$|€|£|usd|eur|gbp|dollars|dollar|euros|euro|pounds|bucks|price|priced|costs|cost|paid|pay|for only",
    "percent": "%|percent|per cent|percentage",
    "rating": "out of|stars|star|/5|/10|rated|rate|rating|score|scored",
    "year": "in|since|founded|established|year|born|released",
    "quantity": "x|pieces|piece|units|unit|items|item|copies|boxes|packs|pcs|ordered|order|bought|buy|need|want|quantity",
    "duration": "hours|hour|hrs|minutes|minute|mins|days|day|weeks|week|months|month|took|lasted|for",
    "experience": "years of experience|years experience|years|experience|been",
    "distance": "km|kilometers|kilometres|miles|mile|meters|metres|m|away",
    "weight": "kg|kilos|kilograms|g|grams|lb|lbs|weighs|weight",
    "height": "cm|m|meters|metres|feet|ft|tall|height",
    "temperature": "°|degrees|celsius|fahrenheit|°c|°f",
    "people": "people|persons|guests|attendees|members|of us",
    "children": "children|kids|child|kid|sons|daughters",
}
_CUES_OF_WORD = {
    "age": "age", "ages": "age", "years_old": "age",
    "price": "price", "cost": "price", "amount": "price", "total": "price", "budget": "price", "salary": "price",
    "fee": "price", "revenue": "price", "income": "price", "value": "price", "balance": "price",
    "percent": "percent", "percentage": "percent", "discount": "percent", "ratio": "percent",
    "rating": "rating", "score": "rating", "stars": "rating", "grade": "rating",
    "year": "year", "quantity": "quantity", "count": "quantity", "qty": "quantity", "units": "quantity", "number": "quantity",
    "duration": "duration", "hours": "duration", "minutes": "duration", "days": "duration", "weeks": "duration",
    "experience": "experience", "tenure": "experience",
    "distance": "distance", "km": "distance", "miles": "distance", "weight": "weight", "height": "height",
    "temperature": "temperature", "people": "people", "guests": "people", "attendees": "people", "participants": "people",
    "party": "people", "children": "children", "kids": "children",
}  # fmt: skip
_LIST_CUES = {
    "hobbies": "love|loves|enjoy|enjoys|like|likes|into|hobbies|hobby|passionate about|interested in|fan of|fond of",
    "skills": "skills|skilled in|know|knows|experience with|experience in|proficient in|good at|expert in|familiar with",
    "ingredients": "ingredients|with|made of|made from|contains|need|needs|mix|add|combine",
    "items": "bought|buy|ordered|order|need|items|list|including|includes|pack|bring|get",
    "languages": "speak|speaks|languages|fluent in|language",
    "pets": "pets|pet|have|has",
    "topics": "about|topics|discussed|covered|covers|including",
}
_LIST_OF_WORD = {
    "hobbies": "hobbies", "interests": "hobbies", "likes": "hobbies", "activities": "hobbies", "passions": "hobbies",
    "skills": "skills", "technologies": "skills", "tools": "skills", "expertise": "skills",
    "ingredients": "ingredients", "items": "items", "products": "items", "things": "items", "purchases": "items",
    "languages": "languages", "pets": "pets", "topics": "topics", "tags": "topics", "keywords": "topics", "themes": "topics",
}  # fmt: skip

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True, slots=True)
class Cues:
    """Words that speak for a number when they stand near it, as two searches for the nearest one."""

    weights: dict[str, int]
    after: re.Pattern[str]
    """Finds the nearest cue in the text behind a number."""
    before: re.Pattern[str]
    """Finds the nearest cue in front of a number, in the reversed text."""

    def score(self, lower: str, start: int, end: int) -> float:
        """Rate how near a cue stands to ``lower[start:end]``; behind the number counts for more."""
        score = 0.0
        if found := self.after.search(lower[end : end + _REACH]):
            score += 40 * self.weights[found[0]] / (1 + found.start())
        if found := self.before.search(lower[max(0, start - _REACH) : start][::-1]):
            score += 24 * self.weights[found[0][::-1]] / (1 + found.start())
        return score


_REACH = 24
"""How many characters a cue may be away."""


@dataclass(frozen=True, slots=True)
class Concept:
    """What the name of a field says about its value."""

    words: tuple[str, ...]
    """The words of the name in lower case: ``firstName`` and ``first_name`` both give first, name."""
    kind: Kind
    cues: Cues
    """Words to find near a number."""
    list_cues: tuple[str, ...]
    is_age: bool


@lru_cache(maxsize=1024)
def concept_of(name: str, format_word: str = "", parent: str = "") -> Concept:
    """Judge a field by its name, its declared format and the name of the object around it."""
    words = tuple(word.lower() for word in _WORDS.findall(name)) or (name.lower(),)
    last = words[-1]
    cues = _cues_near_numbers(words)
    around = tuple(word.lower() for word in _WORDS.findall(parent))
    return Concept(
        words,
        _FORMATS.get(format_word) or _kind_of(words, around),
        cues,
        tuple(_LIST_CUES.get(_LIST_OF_WORD.get(last, ""), "").split("|")) if last in _LIST_OF_WORD else (),
        any(_CUES_OF_WORD.get(word) == "age" for word in words),
    )


def _kind_of(words: tuple[str, ...], around: tuple[str, ...]) -> Kind:
    last = words[-1]
    if last == "name":
        before = set(words[:-1]) or set(around[-1:])
        if before & _GIVEN:
            return Kind.FIRST_NAME
        if before & _FAMILY:
            return Kind.LAST_NAME
        for word in before:
            kind = _KIND_OF_WORD.get(word, _KIND_OF_WORD.get(word.removesuffix("s")))
            if kind in (Kind.PLACE, Kind.ORGANISATION):
                return kind
        return Kind.PERSON
    if last == "title" and len(words) > 1 and words[-2] in ("job", "work"):
        return Kind.JOB
    if last in ("at", "on") and len(words) > 1:
        return Kind.DATE
    kind = _KIND_OF_WORD.get(last) or _KIND_OF_WORD.get(last.removesuffix("s"))
    if kind is Kind.PHONE or (last == "number" and "phone" in words):
        return Kind.PHONE
    return kind or Kind.OTHER


def _cues_near_numbers(words: tuple[str, ...]) -> Cues:
    """Give the cue words of a numeric field: those of its concept, and the words of its own name."""
    before: dict[str, int] = {}
    behind: dict[str, int] = {}
    for word in words:
        concept = _CUES_OF_WORD.get(word) or _CUES_OF_WORD.get(word.removesuffix("s"), "")
        for cue in filter(None, _CUES.get(concept, "").split("|")):
            if not cue.startswith(">"):
                before.setdefault(cue.removeprefix("<"), 2)
            if not cue.startswith("<"):
                behind.setdefault(cue.removeprefix(">"), 2)
        if word not in ("number", "num", "no", "of", "count", "total", "in"):
            for cue in (word, word.removesuffix("s")):
                before[cue] = behind[cue] = 3
    return Cues(
        before | behind,
        _any_of(behind),
        _any_of(cue[::-1] for cue in before),
    )


def _any_of(cues: Iterable[str]) -> re.Pattern[str]:
    """Match any of the cues as whole words, the longest first; nothing where there is none."""
    longest_first = sorted(filter(None, cues), key=len, reverse=True)
    return re.compile("|".join(_bordered(cue) for cue in longest_first) or r"(?!)")


def _bordered(cue: str) -> str:
    """Write a pattern for ``cue`` as a whole word; signs such as ``$`` need no border."""
    left = r"(?<![^\W_])" if cue[0].isalnum() else ""
    right = r"(?![^\W_])" if cue[-1].isalnum() else ""
    return f"{left}{re.escape(cue)}{right}"
