"""The shapes of request lines that regolo's users write: bare bodies, ``params`` and OpenAI's; written as OpenAI's.

Source: regolo "Batch processing" page, draft of 2026-03-04; LiteLLM 1.109.1, behind it, takes only the last.
"""

from __future__ import annotations

from dataclasses import replace

from batch_cli.dialects import openai
from batch_cli.dialects.base import Reading, beside
from batch_cli.model import CHAT, JsonObject, object_of

_ANTHROPIC_WORDS = frozenset(("system", "stop_sequences", "thinking", "output_config", "container"))


def root_of(line: JsonObject) -> str | None:
    """Tell where a line in one of the short shapes keeps its body: ``params``, or empty for the line itself.

    None: it is in no short shape. ``params`` in Anthropic's words are Anthropic's.
    """
    if "body" in line or "request" in line or "response" in line:
        return None
    if "params" in line:
        params = object_of(line["params"])
        tools = params.get("tools")
        is_foreign = params.keys() & _ANTHROPIC_WORDS or (
            isinstance(tools, list) and any("input_schema" in object_of(tool) for tool in tools)
        )
        return None if is_foreign else "params"
    return "" if "messages" in line and "model" in line else None


def read(line: JsonObject, number: int) -> Reading:
    """Read a request line; a bare body has no id.

    Raises:
        Unsupported: the body is not an object.
    """
    root = root_of(line)
    if root is None:
        return openai.read(line, number)
    body = line["params"] if root else {name: line[name] for name in line if name != "custom_id"}
    reading = openai.read_body(body, str(line.get("custom_id", "")), number, CHAT, root)
    return replace(reading, losses=beside(line, ("custom_id", "params"))) if root else reading


def as_openai(line: JsonObject) -> JsonObject:
    """Give a line in a short shape in OpenAI's envelope, for being checked; an id is made up where it has none."""
    body = line["params"] if "params" in line else {name: line[name] for name in line if name != "custom_id"}
    custom_id = {"custom_id": line["custom_id"]} if "custom_id" in line or "params" in line else {}
    return {"custom_id": "request", **custom_id, "method": "POST", "url": CHAT, "body": body}
