"""The layer between the gate and the routes: a request that a rule hits is handed to its fault."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from batch_cli.clock import Clock
from batch_cli.serve.connection import EXTENSION
from batch_cli.serve.gate import OPEN_PATHS, OWN_PATHS
from batch_cli.serve.scenarios import answers, cuts, edits
from batch_cli.serve.scenarios.exchange import Exchange
from batch_cli.serve.scenarios.stage import Stage

PLAYS: Mapping[str, Callable[[Exchange], Awaitable[None]]] = {
    "status": answers.status,
    "body": answers.body,
    "html": answers.html,
    "garbage": answers.garbage,
    "gzip_bomb": answers.gzip_bomb,
    "redirect": answers.redirect,
    "delay": cuts.delay,
    "hang": cuts.hang,
    "late": cuts.late,
    "reset": cuts.reset,
    "close": cuts.close,
    "refuse": cuts.refuse,
    "raw": cuts.raw,
    "truncate": cuts.truncate,
    "no_length": cuts.no_length,
    "chunk_cut": cuts.chunk_cut,
    "long_body": cuts.long_body,
    "drip": cuts.drip,
    "twice": edits.twice,
    "edit": edits.edit,
    "page_loop": edits.page_loop,
    "ignore_range": edits.ignore_range,
}
"""What plays each fault of `fields.FAULTS`."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Plays the faults of what is on the stage. The server's own paths are never hit."""

    inner: ASGIApp
    stage: Stage
    clock: Clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request that was let in."""
        path = scope["path"]
        own = path in OPEN_PATHS or path.startswith(OWN_PATHS)
        rule = None if own else self.stage.fault(scope["method"], path)
        if rule is None:
            await self.inner(scope, receive, send)
            return
        connection = scope["extensions"][EXTENSION]
        exchange = Exchange(self.inner, scope, receive, send, connection, self.clock, rule.settings)
        await PLAYS[rule.fault](exchange)
