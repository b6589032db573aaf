"""What the simulated model says, and how it is measured; the same for every wire.

An answer is made of the prompt alone, says that it is simulated, and is the same at every time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple

from batch_cli.engine.reply import Reply
from batch_cli.jsonl import dumps
from batch_cli.model import JsonObject, JsonValue

_CHARACTERS_A_TOKEN = 4
_ECHO = 160


Answer = Callable[[JsonObject, str], JsonObject]
"""Makes the answer to a body; the text is a mark that tells requests apart, for ids."""


class Wire(NamedTuple):
    """How the simulated model speaks to the clients of one provider."""

    answer_of: Callable[[str], Answer | None]
    """Gives what answers a url; None: nothing does."""
    refuse: Callable[[int, str, str], Reply]
    """Writes an error of an HTTP status, a code and a message."""


class BadRequest(Exception):
    """The body lacks what its url needs."""


def prompt_of(messages: JsonValue) -> str:
    """Join what the user says; where nobody says anything as a user, all texts.

    Raises:
        BadRequest: there is no message.
    """
    if not isinstance(messages, list) or not messages:
        raise BadRequest("there is no message to answer")
    turns = [message for message in messages if isinstance(message, dict)]
    users = [turn for turn in turns if turn.get("role") == "user"]
    return "\n".join(text_of(turn.get("content")) for turn in users or turns)


def text_of(content: JsonValue) -> str:
    """Join the texts of a message's content: a string, or parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(part for part in parts if isinstance(part, str))
    return ""


def plain(prompt: str) -> str:
    """Make a short answer from the prompt, which says that it is one."""
    folded = " ".join(prompt.split())
    first = re.split(r"(?<=[.!?])\s", folded, maxsplit=1)[0]
    if len(first) > _ECHO:
        first = first[: first.rfind(" ", 0, _ECHO) if " " in first[:_ECHO] else _ECHO] + "…"
    words = len(folded.split())
    kind = "question" if folded.endswith("?") else "prompt"
    return f"Simulated answer to a {kind} of {words} word{'' if words == 1 else 's'}: {first}"


def cut(text: str, limit: JsonValue) -> tuple[str, str]:
    """Cut a plain answer at a number of tokens and say whether it was."""
    if isinstance(limit, int) and not isinstance(limit, bool) and 0 < limit < tokens(text):
        return text[: limit * _CHARACTERS_A_TOKEN], "length"
    return text, "stop"


def json_text(value: JsonValue) -> str:
    """Write JSON as a text."""
    return dumps(value).decode()


def model_of(body: JsonObject) -> str:
    """Give the model that a body names."""
    model = body.get("model")
    return model if isinstance(model, str) and model else "simulate"


def tokens(text: str) -> int:
    """Count tokens roughly, as everybody does it in the head."""
    return -(-len(text) // _CHARACTERS_A_TOKEN)


def vector(text: str, size: int) -> list[float]:
    """Hash the words into a vector of length 1: texts that share words point the same way."""
    made = [0.0] * size
    for word in re.findall(r"\w+", text.lower()) or [""]:
        digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=9).digest()
        made[int.from_bytes(digest[:8], "big") % size] += 1.0 if digest[8] & 1 else -1.0
    length = math.sqrt(sum(part * part for part in made)) or 1.0
    if not any(made):
        made[0] = length = 1.0
    return [round(part / length, 6) for part in made]
