"""How many tokens an answer took, in one pair of numbers for all providers. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter

from batch_cli.model import JsonObject, JsonValue, object_of

_INPUT = ("prompt_tokens", "input_tokens", "promptTokenCount")
_OUTPUT = ("completion_tokens", "output_tokens", "candidatesTokenCount")
# Anthropic and Google count these beside the others, OpenAI within them.
# Sources: anthropic-sdk-python 2.11.0 (`Usage`), google-genai 2 (`UsageMetadata`) (read 2026-11-21).
_MORE_INPUT = ("cache_creation_input_tokens", "cache_read_input_tokens", "toolUsePromptTokenCount")
_MORE_OUTPUT = ("thoughtsTokenCount",)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one answer; None where its provider did not count them."""

    input: int | None = None
    output: int | None = None


def usage_of(body: JsonValue) -> JsonObject:
    """Give what a response body says it used, in its provider's words; empty where it says nothing."""
    body = object_of(body)
    return object_of(body.get("usage", body.get("usageMetadata")))


def tokens_of(body: JsonValue) -> Tokens:
    """Give the tokens that a response body says it took."""
    usage = usage_of(body)
    return Tokens(_sum(usage, _INPUT, _MORE_INPUT), _sum(usage, _OUTPUT, _MORE_OUTPUT))


def add_usage(total: Counter[str], usage: JsonObject) -> None:
    """Add what one answer used to a sum."""
    for name, amount in usage.items():
        if isinstance(amount, int):
            total[name] += amount


def sum_usage(usages: Sequence[JsonObject]) -> Counter[str]:
    """Add up what many answers used; as `add_usage` does, and several times as fast where all name the same things."""
    total: Counter[str] = Counter()
    for name in dict.fromkeys(chain.from_iterable(usages)):
        try:
            amounts: list[JsonValue] = list(map(itemgetter(name), usages))
        except KeyError:
            amounts = [usage.get(name) for usage in usages]
        kinds = set(map(type, amounts))
        if kinds == {int}:
            total[name] = sum(amounts)
        elif kinds & {int, bool}:
            total[name] = sum(amount for amount in amounts if isinstance(amount, int))
    return total


def _sum(usage: JsonObject, names: tuple[str, ...], more: tuple[str, ...]) -> int | None:
    counted = next((number for name in names if (number := _count(usage.get(name))) is not None), None)
    if counted is None:
        return None
    return counted + sum(_count(usage.get(name)) or 0 for name in more)


def _count(value: JsonValue) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
