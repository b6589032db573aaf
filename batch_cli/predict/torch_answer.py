"""What the PyTorch server answers, read into one form whichever version sent it; pure.

Two shapes are read: that of its pages (``predictions``, ``inference_time_ms``, ``batch_info``) and the one that it
really sent (``results``, ``processing_time`` in seconds, ``batch_size``). Unknown members are passed over.

Source: github.com/KolosalAI/torch-inference (formerly Evintkoo/torch-inference), ``main.py`` from ef6c414 to
ef5c827 and docs/api at 13b8d9d (August 2025).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from batch_cli.model import JsonObject, JsonValue
from batch_cli.predict.prediction import NotAnAnswer

NO_REASON = "the server gave no reason (its time limit does that)"
NO_RESULT = "no result came for this input"
_SAYS_HOW_IT_WENT = frozenset({"success", "error", "detail"})
_MOST = 1e12
"""More is no time in milliseconds (30 years) and no count, but a fault, which sums would not survive."""


class Item(NamedTuple):
    """What became of one input."""

    value: JsonValue
    """The prediction; None where there is none."""
    error: str | None = None
    """Why there is none; None for a good one."""


@dataclass(frozen=True, slots=True)
class TorchAnswer:
    """One answer, whatever its shape."""

    success: bool
    error: str | None
    """Why it failed, never empty then; None if it did not."""
    items: list[Item]
    """In the order of the inputs; those that the server sent too many stand at the end."""
    inference_ms: float | None
    input_count: int
    batch_size: int
    successful: int
    model: str | None = None
    version: str | None = None
    notes: list[str] = field(default_factory=list)
    """The server's warnings, and what is odd about the answer."""

    @property
    def failed_indices(self) -> list[int]:
        """Give the places of the failed items, from 0."""
        return [at for at, item in enumerate(self.items) if item.error is not None]

    @property
    def values(self) -> list[JsonValue]:
        """Give the predictions alone."""
        return [item.value for item in self.items]


def read(body: JsonValue, *, sent: int | None = None) -> TorchAnswer:
    """Read the answer to a batch, an example or a single prediction; ``sent`` is how many inputs it was given.

    Raises:
        NotAnAnswer: it is none of this server.
    """
    if not isinstance(body, dict):
        raise NotAnAnswer("the answer is not a JSON object")
    inner = body["response"] if isinstance(body.get("response"), dict) else body
    if _SAYS_HOW_IT_WENT.isdisjoint(inner) and "error" not in body:
        raise NotAnAnswer("the answer has neither success nor error")
    success = bool(inner.get("success")) and not body.get("error")
    info = _object(inner.get("batch_info"))
    items = _items(inner, info, is_good=success)
    notes = list(map(str, _list(inner.get("warnings"))))
    if success and sent is not None and len(items) != sent:
        notes.append(f"the server sent {len(items):,} results for {sent:,} inputs")
        items += [Item(None, NO_RESULT)] * (sent - len(items))
    batch_size = _first_count(info.get("batch_size"), inner.get("batch_size"), body.get("input_count"))
    good = [item.error for item in items].count(None)
    return TorchAnswer(
        success=success,
        error=None if success else _reason(inner, body),
        items=items,
        inference_ms=_milliseconds(inner),
        input_count=_first_count(body.get("input_count"), len(items) or None, batch_size) or 0,
        batch_size=len(items) if batch_size is None else batch_size,
        successful=_first_count(info.get("successful_predictions"), good) or 0,
        model=_text(inner.get("model_name")) or _text(_object(inner.get("model_info")).get("model")),
        version=_text(_object(inner.get("metadata")).get("model_version")),
        notes=notes,
    )


def _items(inner: JsonObject, info: Mapping[str, JsonValue], *, is_good: bool) -> list[Item]:
    reasons = _reasons(info)
    items = []
    for at, value in enumerate(_results(inner, is_good=is_good)):
        if isinstance(value, dict) and "error" in value:
            items.append(Item(None, _said(value["error"]) or NO_REASON))
        elif value is None or at in reasons:
            items.append(Item(None, reasons.get(at) or "the server sent null"))
        else:
            items.append(Item(value))
    return items


def _results(inner: JsonObject, *, is_good: bool) -> list[JsonValue]:
    """Give the results under whichever name they have; a single one is a list of one."""
    for name in ("predictions", "results", "result"):
        if isinstance(inner.get(name), list) and not (name == "result" and _is_single(inner)):
            found: list[JsonValue] = inner[name]
            return found
    for name in ("prediction", "result"):
        if name in inner and (is_good or inner[name] is not None):
            return [inner[name]]
    return []


def _is_single(inner: JsonObject) -> bool:
    """Tell whether a list in ``result`` is one prediction; later versions put a whole batch there."""
    about = _object(inner.get("model_info"))
    return "batch_info" not in inner and about.get("input_type", "single") != "batch"


def _reasons(info: Mapping[str, JsonValue]) -> dict[int, str]:
    """Give the reasons of ``failed_indices`` by their place; one that says nothing gets words."""
    if not info:
        return {}
    texts = _list(info.get("failure_reasons"))
    found = {}
    for nth, place in enumerate(_list(info.get("failed_indices"))):
        at = count(place)
        if at is not None:
            found[at] = (_said(texts[nth]) if nth < len(texts) else None) or NO_REASON
    return found


def _reason(inner: JsonObject, body: JsonObject) -> str:
    for holder in (inner, body):
        for name in ("error", "detail"):
            if said := _said(holder.get(name)):
                return said
    return NO_REASON


def _said(value: JsonValue) -> str | None:
    """Give what an error says: a text, an object with one, or FastAPI's list."""
    if isinstance(value, dict):
        return _said(value.get("message") or value.get("msg") or value.get("error"))
    if isinstance(value, list):
        return "; ".join(said for item in value if (said := _said(item))) or None
    text = "" if value is None else str(value)
    return " ".join(text.split()) or None


def _milliseconds(inner: JsonObject) -> float | None:
    """Give the time of the inference; ``processing_time`` is in seconds."""
    for name, factor in (("inference_time_ms", 1), ("total_time_ms", 1), ("processing_time", 1000)):
        value = number(inner.get(name))
        if value is not None and 0 <= value <= _MOST:
            return value * factor
    return None


def number(value: JsonValue) -> float | None:
    """Give a finite number, also one that was written as a text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def count(value: JsonValue) -> int | None:
    """Give a whole number from 0 on, also one that was written as a text; None for anything else."""
    if type(value) is int:  # as nearly always, and asked for several times an answer
        return value if 0 <= value <= _MOST else None
    found = number(value)
    return int(found) if found is not None and 0 <= found <= _MOST and found == int(found) else None


def _first_count(*values: JsonValue) -> int | None:
    for value in values:
        if value is not None and (found := count(value)) is not None:
            return found
    return None


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) and value else None
