"""The model as this wire offers it, live and in batches: behind the rules of OpenAI's requests, with a time on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from batch_cli.engine.handlers.simulate.handler import Simulate
from batch_cli.engine.reply import Call, Handler, Reply
from batch_cli.errors import Severity
from batch_cli.model import ENDPOINTS, JsonObject
from batch_cli.providers.openai import OPENAI


class Model:
    """The handler: what the rules refuse is answered with 400, the rest by ``inner``."""

    def __init__(self, inner: Simulate, now: Callable[[], int]) -> None:
        """Ask ``inner``, whose answers were made at ``now()``, in seconds since 1970."""
        self._inner, self._now = inner, now
        self.max_batch, self.is_cpu_bound = inner.max_batch, inner.is_cpu_bound

    async def __call__(self, calls: Sequence[Call]) -> list[Reply]:
        """Answer every call."""
        refused = [_refused(call) for call in calls]
        asked = [call for call, reply in zip(calls, refused, strict=True) if reply is None]
        answers = iter(await self._inner(asked) if asked else ())
        return [self._dated(next(answers)) if reply is None else reply for reply in refused]

    def _dated(self, reply: Reply) -> Reply:
        named = [name for name in ("created", "created_at") if name in reply.body]
        return Reply(reply.status, {**reply.body, **dict.fromkeys(named, self._now())}) if named else reply


def held_to_rules(settings: JsonObject, model: Simulate) -> Handler:
    """Put the rules around what answers a batch.

    ``created`` in its settings is when it was queued: no retry changes a byte.
    """
    created = int(settings.get("created", 0))
    return Model(model, lambda: created)


def _refused(call: Call) -> Reply | None:
    """Hold a body to the rules that a line of a request file with this body is held to."""
    if call.url not in ENDPOINTS:
        return None
    line = {"custom_id": "any", "method": "POST", "url": call.url, "body": call.body}
    for found in OPENAI.check(line):
        if found.severity is Severity.ERROR:
            return _refusal(found.message, found.path)
    return None


def _refusal(message: str, path: str) -> Reply:
    said = "streaming is not supported here" if path == "body.stream" else message.replace("body.", "")
    error = {
        "message": said,
        "type": "invalid_request_error",
        "param": path.removeprefix("body").strip(".") or None,
        "code": None,
    }
    return Reply(400, {"error": error})
