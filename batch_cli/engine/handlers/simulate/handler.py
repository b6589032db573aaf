"""The simulated model: a deterministic, rule-based stand-in that needs no key and no network.

It answers the bodies of chat/completions, completions, responses, embeddings and moderations in their own shapes, says
in each answer that it is simulated, and gives the same bytes for the same request, always. Failures are
part of it: a seeded share of the requests can be answered with the errors that real services give.
"""

from __future__ import annotations

import base64
import math
import re
import struct
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from batch_cli.engine.handlers.simulate.fill import fill
from batch_cli.engine.handlers.simulate.moderation import moderation
from batch_cli.engine.handlers.simulate.values import Unfillable
from batch_cli.engine.reply import Call, Reply, broken_reply
from batch_cli.engine.time_limit import TimeIsOver, TimeLimit
from batch_cli.jsonl import dumps
from batch_cli.model import JsonObject, JsonValue

FINGERPRINT = "batch-cli-simulated"
_CHARACTERS_A_TOKEN = 4
_DIMENSIONS = 64
_MOST_DIMENSIONS = 4096
_MOST_CHOICES = 16
_GROUP = 64
_MOST_SECONDS = 5.0
"""Processor time for one request: a schema's pattern can keep a regular expression busy for ever."""
_LONGEST_STRETCH = 0.1
"""Seconds after which a group of requests lets other work of this process go on."""
_ECHO = 160
_FAILURES = (
    (429, "rate_limit_exceeded", "Rate limit reached (simulated)."),
    (500, "server_error", "The server had an error (simulated)."),
    (503, "overloaded", "The model is overloaded (simulated)."),
)


@dataclass(frozen=True, slots=True)
class Simulation:
    """How the simulated model behaves; part of a batch's options."""

    error_rate: float = 0.0
    """Share of the requests that fail, 0 to 1."""
    latency: float = 0.0
    """Seconds each request takes."""
    seed: int = 0
    """Which requests fail: another seed, other ones."""

    @classmethod
    def from_settings(cls, settings: JsonObject) -> Simulation:
        """Read what `settings` wrote."""
        return cls(
            float(settings.get("error_rate", 0)),
            float(settings.get("latency", 0)),
            int(settings.get("seed", 0)),
        )

    def settings(self) -> JsonObject:
        """Give it as JSON, for storing with a batch."""
        return {"error_rate": self.error_rate, "latency": self.latency, "seed": self.seed}


class Simulate:
    """The handler: a group of calls in, one reply for each, in order."""

    def __init__(
        self,
        simulation: Simulation,
        sleep: Callable[[float], Awaitable[None]],
        *,
        most_seconds: float = _MOST_SECONDS,
    ) -> None:
        """Take how to behave, how to wait, and how long one request may compute."""
        self._simulation = simulation
        self._sleep = sleep
        self._most_seconds = most_seconds
        self._time_limit = TimeLimit(most_seconds)
        self.is_cpu_bound = simulation.latency <= 0
        self.max_batch = _GROUP if self.is_cpu_bound else 1

    async def __call__(self, calls: Sequence[Call]) -> list[Reply]:
        """Answer every call; whatever a request holds, nothing is raised."""
        if self._simulation.latency > 0:
            await self._sleep(self._simulation.latency)
        replies = []
        next_pause = time.monotonic() + _LONGEST_STRETCH
        for call in calls:
            replies.append(self._answer(call))
            if time.monotonic() > next_pause:  # whoever waits for a signal or a lease must get a turn
                await self._sleep(0)
                next_pause = time.monotonic() + _LONGEST_STRETCH
        return replies

    def _answer(self, call: Call) -> Reply:
        """Answer one call; one that breaks the rules, or takes too long, harms no other."""
        try:
            with self._time_limit:
                return self._answer_in_time(call)
        except TimeIsOver:
            return _refusal(
                400,
                "request_too_complex",
                f"The simulated model works {self._most_seconds:g} s at one request at most.",
            )
        except Exception as error:  # noqa: BLE001 - our bug, told in its own row
            return broken_reply(error)

    def _answer_in_time(self, call: Call) -> Reply:
        failure = self._failure(call.custom_id)
        if failure is not None:
            return _refusal(*failure)
        body = call.body if isinstance(call.body, dict) else {}
        answer = _ANSWERS.get(call.url)
        if answer is None:
            return _refusal(404, "unknown_url", f"The simulated model has no {call.url[:64]}.")
        try:
            return Reply(200, answer(body, _mark(call.custom_id)))
        except _BadRequest as error:
            return _refusal(400, "invalid_request_error", str(error))
        except Unfillable as error:
            return _refusal(
                400, "invalid_json_schema", f"The simulated model cannot answer this schema: {error}"
            )

    def _failure(self, custom_id: str) -> tuple[int, str, str] | None:
        """Decide by the seed and the id alone, so that a row fails in every run or in none."""
        if self._simulation.error_rate <= 0:
            return None
        digest = blake2b(
            custom_id.encode("utf-8", "surrogatepass"),
            digest_size=9,
            key=str(self._simulation.seed).encode(),
        ).digest()
        if int.from_bytes(digest[:8], "big") / 2**64 >= self._simulation.error_rate:
            return None
        return _FAILURES[digest[8] % len(_FAILURES)]


class _BadRequest(Exception):
    """The body lacks what its url needs."""


def _mark(custom_id: str) -> str:
    return blake2b(custom_id.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _refusal(status: int, code: str, message: str) -> Reply:
    kind = "invalid_request_error" if status < 500 and status != 429 else code  # noqa: PLR2004 - HTTP
    return Reply(status, {"error": {"message": message, "type": kind, "param": None, "code": code}})


# --- chat, completions, responses ---


def _chat(body: JsonObject, mark: str) -> JsonObject:
    prompt = _prompt(body.get("messages"))
    wanted = body.get("response_format")
    message: JsonObject = {"role": "assistant", "content": None, "refusal": None}
    finish = "stop"
    if (call := _forced_tool(body)) is not None:
        arguments = _json_text(fill(call.get("parameters") or {"type": "object"}, prompt))
        function = {"name": call["name"], "arguments": arguments}
        message["tool_calls"] = [{"id": f"call_{mark}", "type": "function", "function": function}]
        said = arguments
    elif (schema := _schema_of(wanted, "json_schema")) is not None:
        said = message["content"] = _json_text(fill(schema, prompt))
    elif isinstance(wanted, dict) and wanted.get("type") == "json_object":
        said = message["content"] = _json_text({"simulated": True, "answer": _plain(prompt)})
    else:
        limit = body.get("max_completion_tokens", body.get("max_tokens"))
        said, finish = _cut(_plain(prompt), limit)
        message["content"] = said
    choices = [
        {"index": at, "message": message, "logprobs": None, "finish_reason": finish}
        for at in range(_choices(body))
    ]
    return {
        "id": f"chatcmpl-sim-{mark}",
        "object": "chat.completion",
        "created": 0,
        "model": _model(body),
        "choices": choices,
        "usage": _usage(prompt, said, len(choices)),
        "system_fingerprint": FINGERPRINT,
    }


def _completion(body: JsonObject, mark: str) -> JsonObject:
    prompts = body.get("prompt")
    if isinstance(prompts, str):
        prompts = [prompts]
    if not isinstance(prompts, list) or not all(isinstance(part, str) for part in prompts):
        raise _BadRequest("prompt must be a string or an array of strings")
    answers = [_cut(_plain(part), body.get("max_tokens")) for part in prompts]
    choices = [
        {"index": at, "text": text, "logprobs": None, "finish_reason": finish}
        for at, (text, finish) in enumerate(answers)
    ]
    return {
        "id": f"cmpl-sim-{mark}",
        "object": "text_completion",
        "created": 0,
        "model": _model(body),
        "choices": choices,
        "usage": _usage(" ".join(prompts), " ".join(text for text, _ in answers), 1),
        "system_fingerprint": FINGERPRINT,
    }


def _response(body: JsonObject, mark: str) -> JsonObject:
    given = body.get("input")
    prompt = given if isinstance(given, str) else _prompt(given)
    text_options = body.get("text")
    wanted = text_options.get("format") if isinstance(text_options, dict) else None
    schema = wanted.get("schema") if isinstance(wanted, dict) else None
    finish = "stop"
    if isinstance(schema, dict):
        said = _json_text(fill(schema, prompt))
    else:
        said, finish = _cut(_plain(prompt), body.get("max_output_tokens"))
    usage = _usage(prompt, said, 1)
    return {
        "id": f"resp_sim_{mark}",
        "object": "response",
        "created_at": 0,
        "status": "completed" if finish == "stop" else "incomplete",
        "error": None,
        "incomplete_details": None if finish == "stop" else {"reason": "max_output_tokens"},
        "model": _model(body),
        "output": [
            {
                "id": f"msg_sim_{mark}",
                "type": "message",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": said, "annotations": []}],
            }
        ],
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "usage": {
            "input_tokens": usage["prompt_tokens"],
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": usage["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage["total_tokens"],
        },
        "metadata": {"simulated": "true"},
    }


def _prompt(messages: JsonValue) -> str:
    """Join what the user says; where nobody says anything as a user, all texts."""
    if not isinstance(messages, list) or not messages:
        raise _BadRequest("there is no message to answer")
    turns = [message for message in messages if isinstance(message, dict)]
    users = [turn for turn in turns if turn.get("role") == "user"]
    return "\n".join(_text_of(turn.get("content")) for turn in users or turns)


def _text_of(content: JsonValue) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(part for part in parts if isinstance(part, str))
    return ""


def _plain(prompt: str) -> str:
    """Make a short answer from the prompt, which says that it is one."""
    folded = " ".join(prompt.split())
    first = re.split(r"(?<=[.!?])\s", folded, maxsplit=1)[0]
    if len(first) > _ECHO:
        first = first[: first.rfind(" ", 0, _ECHO) if " " in first[:_ECHO] else _ECHO] + "…"
    words = len(folded.split())
    kind = "question" if folded.endswith("?") else "prompt"
    return f"Simulated answer to a {kind} of {words} word{'' if words == 1 else 's'}: {first}"


def _cut(text: str, limit: JsonValue) -> tuple[str, str]:
    """Cut a plain answer at a number of tokens and say whether it was."""
    if isinstance(limit, int) and not isinstance(limit, bool) and 0 < limit < _tokens(text):
        return text[: limit * _CHARACTERS_A_TOKEN], "length"
    return text, "stop"


def _json_text(value: JsonValue) -> str:
    return dumps(value).decode()


def _schema_of(wanted: JsonValue, key: str) -> JsonObject | None:
    if not (isinstance(wanted, dict) and isinstance(wanted.get(key), dict)):
        return None
    schema = wanted[key].get("schema")
    return schema if isinstance(schema, dict) else None


def _forced_tool(body: JsonObject) -> JsonObject | None:
    """Give the function that the request obliges the model to call, if it does."""
    choice, tools = body.get("tool_choice"), body.get("tools")
    if not choice or choice in ("auto", "none") or not isinstance(tools, list):
        return None
    functions = [tool.get("function") for tool in tools if isinstance(tool, dict)]
    named = [f for f in functions if isinstance(f, dict) and isinstance(f.get("name"), str)]
    if isinstance(choice, dict):
        wanted = choice.get("function")
        name = wanted.get("name") if isinstance(wanted, dict) else None
        named = [function for function in named if function["name"] == name]
    if not named:
        raise _BadRequest("tool_choice names no tool of this request")
    return named[0]


def _choices(body: JsonObject) -> int:
    wanted = body.get("n")
    return min(wanted, _MOST_CHOICES) if isinstance(wanted, int) and wanted > 0 else 1


def _model(body: JsonObject) -> str:
    model = body.get("model")
    return model if isinstance(model, str) and model else "simulate"


def _tokens(text: str) -> int:
    return -(-len(text) // _CHARACTERS_A_TOKEN)


def _usage(prompt: str, said: str, answers: int) -> JsonObject:
    asked, answered = _tokens(prompt), _tokens(said) * answers
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked + answered,
    }


# --- embeddings ---


def _embedding(body: JsonObject, mark: str) -> JsonObject:
    del mark
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts:
        raise _BadRequest("input must be a string or a non-empty array")
    if all(isinstance(part, int) for part in texts):
        texts = [texts]
    size = body.get("dimensions", _DIMENSIONS)
    if not isinstance(size, int) or not 1 <= size <= _MOST_DIMENSIONS:
        raise _BadRequest(f"dimensions must be from 1 to {_MOST_DIMENSIONS}")
    words = [part if isinstance(part, str) else " ".join(map(str, part or ())) for part in texts]
    tokens = sum(_tokens(part) for part in words)
    packed = body.get("encoding_format") == "base64"
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": at, "embedding": _vector(part, size, packed=packed)}
            for at, part in enumerate(words)
        ],
        "model": _model(body),
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _vector(text: str, size: int, *, packed: bool) -> list[float] | str:
    """Hash the words into a vector of length 1: texts that share words point the same way."""
    vector = [0.0] * size
    for word in re.findall(r"\w+", text.lower()) or [""]:
        digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=9).digest()
        vector[int.from_bytes(digest[:8], "big") % size] += 1.0 if digest[8] & 1 else -1.0
    length = math.sqrt(sum(part * part for part in vector)) or 1.0
    if not any(vector):
        vector[0] = length = 1.0
    vector = [round(part / length, 6) for part in vector]
    if packed:
        return base64.b64encode(struct.pack(f"<{size}f", *vector)).decode("ascii")
    return vector


_ANSWERS: dict[str, Callable[[JsonObject, str], JsonObject]] = {
    "/v1/chat/completions": _chat,
    "/v1/completions": _completion,
    "/v1/responses": _response,
    "/v1/embeddings": _embedding,
    "/v1/moderations": moderation,
}
