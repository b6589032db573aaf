"""The same request, asked once: what is under way is waited for, what was answered is given again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from batch_cli.engine.handlers.live.answers import Answers
from batch_cli.engine.handlers.live.figures import Figures, tokens_of
from batch_cli.engine.reply import Reply

Ask = Callable[[], Awaitable[Reply | None]]


class Once:
    """Requests by what they say; identical ones get one answer, a bad one too while it is under way."""

    def __init__(self, answers: Answers, figures: Figures) -> None:
        """Look into ``answers``, and tell ``figures`` what was saved."""
        self._answers, self._figures = answers, figures
        self._under_way: dict[bytes, asyncio.Future[Reply | None]] = {}

    async def ask(self, url: str, body: bytes, ask: Ask) -> Reply | None:
        """Give the answer to a request; ``ask`` is how to get one. None: nobody wants it any more."""
        key = self._answers.key(url, body)
        known = self._answers.get(key)
        if known is None and (under_way := self._under_way.get(key)) is not None:
            known = await asyncio.shield(under_way)
            if known is None:
                return None
        if known is not None:
            self._figures.save(tokens_of(known.body))
            return known
        answer = self._under_way[key] = asyncio.get_running_loop().create_future()
        reply: Reply | None = None
        try:
            reply = await ask()
        finally:
            del self._under_way[key]
            answer.set_result(reply)
        if reply is not None and reply.is_good:
            self._answers.put(key, reply)
        return reply
