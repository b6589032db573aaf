"""Simulated moderation: words that are looked for, in the shape of OpenAI's moderations.

A stand-in for a classifier, for trying out what a program does with its answers: it understands nothing, and "I hate
Mondays" is hate to it. Images are not looked at.
Source for the shape: openai-openapi 2.3.0, "Create moderation" (2026-08-21).
"""

from __future__ import annotations

import re

from batch_cli.model import JsonObject, JsonValue

_WORDS = {
    "harassment": "idiot idiots loser losers moron morons pathetic stupid worthless",
    "hate": "hate hated hateful hates subhuman vermin",
    "illicit": "counterfeit launder shoplift shoplifting smuggle smuggling steal stealing",
    "self-harm": "suicidal suicide self-harm",
    "sexual": "erotic nude porn pornography sex sexual",
    "violence": "attack bomb kill killed killing kills massacre murder shoot stab torture violence",
}
_NARROWER = {
    "harassment/threatening": ("harassment", _WORDS["violence"]),
    "hate/threatening": ("hate", _WORDS["violence"]),
    "illicit/violent": ("illicit", _WORDS["violence"]),
    "self-harm/instructions": ("self-harm", "how instructions method methods way ways"),
    "self-harm/intent": ("self-harm", "i me my myself"),
    "sexual/minors": ("sexual", "child children kid kids minor minors teen teens"),
    "violence/graphic": ("violence", "blood bloody corpse gore guts"),
}
"""Categories within others, by the words that they need besides."""
_CATEGORIES = tuple(sorted(_WORDS | _NARROWER))
_UNLIKELY = 0.0001


def moderation(body: JsonObject, mark: str) -> JsonObject:
    """Judge each text of ``input``, or the parts of one message together; the same input always alike."""
    return {
        "id": f"modr-sim-{mark}",
        "model": body.get("model") or "simulate",
        "results": [_result(text) for text in _texts(body.get("input"))],
    }


def _texts(given: JsonValue) -> list[str]:
    if not isinstance(given, list):
        return [given if isinstance(given, str) else ""]
    if any(isinstance(part, dict) for part in given):
        texts = [part.get("text") for part in given if isinstance(part, dict)]
        return ["\n".join(text for text in texts if isinstance(text, str))]
    return [part if isinstance(part, str) else "" for part in given]


def _result(text: str) -> JsonObject:
    found = re.findall(r"[a-z]+(?:-[a-z]+)*", text.lower())
    scores = {name: _score(found, words) for name, words in _WORDS.items()}
    for name, (wider, words) in _NARROWER.items():
        scores[name] = min(scores[wider], _score(found, words))
    flags = {name: scores[name] > _UNLIKELY for name in _CATEGORIES}
    return {
        "flagged": any(flags.values()),
        "categories": flags,
        "category_scores": {name: scores[name] for name in _CATEGORIES},
        "category_applied_input_types": {name: ["text"] if text else [] for name in _CATEGORIES},
    }


def _score(found: list[str], words: str) -> float:
    """Give 0.5 for one of the words, 0.75 for two, and so on."""
    hits = sum(found.count(word) for word in words.split())
    return round(1 - 0.5**hits, 4) if hits else _UNLIKELY
