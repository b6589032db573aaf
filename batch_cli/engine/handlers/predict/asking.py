"""The handler that asks a prediction server for several rows in one request."""

from __future__ import annotations

from collections.abc import Sequence

from batch_cli.engine.handlers.live.handler import Live
from batch_cli.engine.handlers.live.reading import BAD_ANSWER, error_reply
from batch_cli.engine.handlers.predict.rows import body_of
from batch_cli.engine.handlers.predict.wires import Wire
from batch_cli.engine.reply import Call, Halt, Reply
from batch_cli.errors import Rejected
from batch_cli.jsonl import dumps_exactly
from batch_cli.model import JsonObject
from batch_cli.predict.prediction import NotAnAnswer

_NO_PATH = (404, 405)
_OF_ONE_ROW = (400, 413, 422, 500, 502, 504)
"""Failures of a whole request for which one of its rows may be to blame: it is asked for again in halves."""


class Ask:
    """Answers the rows of one batch, those with equal settings in one request.

    A request that fails as a whole is tried again by the rules of `Live`, and then sent in halves, so that a row
    that breaks the server fails alone: at most twice as many requests as rows, however many are wrong.
    """

    is_cpu_bound = False

    def __init__(self, live: Live, wire: Wire, model: str, rows: int) -> None:
        """Ask by ``live`` in the words of ``wire``, for ``rows`` at once at most."""
        self._live, self._wire, self._model = live, wire, model
        self.max_batch = rows
        self._is_single = False

    async def __call__(self, calls: Sequence[Call]) -> list[Reply | None]:
        """Answer every call; None is one that is given back, because its batch is not wanted any more.

        Raises:
            Halt: the server can answer none of them now.
        """
        bodies = [{"model_name": self._model, **body_of(call)} for call in calls]
        groups: dict[bytes, list[int]] = {}
        for at, body in enumerate(bodies):
            groups.setdefault(_settings(body), []).append(at)
        replies: list[Reply | None] = [None] * len(calls)
        for places in groups.values():
            found = await self._several([bodies[at] for at in places])
            for at, reply in zip(places, found, strict=True):
                replies[at] = reply
        return replies

    async def _several(self, rows: list[JsonObject]) -> list[Reply | None]:
        """Ask for rows with equal settings."""
        if self._is_single:
            return [await self._one(row) for row in rows]
        reply = await self._sent(self._wire.path, self._wire.write(rows))
        if reply is None:
            return [None] * len(rows)
        if reply.status in _NO_PATH:
            return await self._without_path(rows, reply)
        found = self._read(reply, rows)
        if len(found) == len(rows):
            return [*found]
        if len(rows) > 1 and found[0].status in _OF_ONE_ROW:
            middle = len(rows) // 2
            return [*await self._several(rows[:middle]), *await self._several(rows[middle:])]
        return [found[0]] * len(rows)

    async def _without_path(self, rows: list[JsonObject], reply: Reply) -> list[Reply | None]:
        """Go on with a server that has no path for several rows.

        Raises:
            Halt: this wire has no other.
        """
        if self._wire.single is None:
            raise _no_path(self._wire.path, reply, self._wire.hint)
        self._is_single = True
        return await self._several(rows)

    async def _one(self, row: JsonObject) -> Reply | None:
        """Ask for one row at the path for single ones.

        Raises:
            Halt: the server does not have that either.
        """
        path = self._wire.single or self._wire.path
        reply = await self._sent(path, row)
        if reply is not None and reply.status in _NO_PATH:
            raise _no_path(path, reply, self._wire.hint)
        return None if reply is None else self._read(reply, [row])[0]

    async def _sent(self, path: str, body: JsonObject) -> Reply | None:
        return await self._live.send(Call("", path, body), path, dumps_exactly(body))

    def _read(self, reply: Reply, rows: list[JsonObject]) -> list[Reply]:
        """Give a reply for each row, or a single one that says what is wrong with all of them."""
        if not reply.is_good:
            return [reply]
        try:
            return self._wire.read(reply.body, rows)
        except NotAnAnswer as error:
            return [error_reply(BAD_ANSWER, "backend_bad_answer", str(error))]


def _settings(body: JsonObject) -> bytes:
    """Give what has to be equal in rows of one request: all but what is predicted."""
    rest = {name: body[name] for name in sorted(body) if name not in ("inputs", "model_name")}
    return dumps_exactly({**rest, "model_name": body.get("model_name") if "inputs" in body else None})


def _no_path(path: str, reply: Reply, hint: str) -> Halt:
    said = reply.body["error"]["message"]
    return Halt(
        Rejected(
            f"the server has no {path}; what is done is kept",
            where=f"it answered HTTP {reply.status}: {said}",
            hint=hint,
        )
    )
