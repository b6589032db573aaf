"""Makes what answers the requests of a batch, by what its settings say."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from batch_cli.engine.handlers.live.backend import LIVE
from batch_cli.engine.handlers.live.halting import OnAccount
from batch_cli.engine.handlers.live.options import DIRECT, PREDICTS, LiveSetup
from batch_cli.engine.reply import Handler
from batch_cli.errors import StateError
from batch_cli.events import LiveFigures
from batch_cli.model import JsonObject
from batch_cli.predict.model_file import IN_PROCESS

Wrap = Callable[[JsonObject, "Simulate"], Handler]
"""Puts something around the simulated model, by the settings of a batch."""

_MOST_OF_ONE_BATCH = 1_000_000_000
"""Bytes of answers that are kept for the requests of one batch that are like others of it."""

if TYPE_CHECKING:
    from batch_cli.engine.handlers.live.answers import Answers
    from batch_cli.engine.handlers.live.fleet import Fleet
    from batch_cli.engine.handlers.live.once import Once
    from batch_cli.engine.handlers.live.sender import Sender
    from batch_cli.engine.handlers.simulate.handler import Simulate


def is_live(settings: JsonObject) -> bool:
    """Tell whether a batch with these settings is answered by a model server."""
    return bool(settings.get("handler") == LIVE)


class Handlers:
    """Makes the handlers of one worker; those of live batches share their connections and their pace."""

    def __init__(self, live: LiveSetup | None, tell: Callable[[str], None], wrap: Wrap | None = None) -> None:
        """Take the model servers there are, who is told when one goes and comes, and what is put around simulations."""
        self._live, self._tell, self._wrap = live, tell, wrap
        self._senders: list[Sender] = []
        self._fleet: Fleet | None = None
        self._answers: Answers | None = None

    def make(self, settings: JsonObject, unwanted: asyncio.Event) -> Handler:
        """Make what answers the requests of a batch with these settings, until ``unwanted`` is set.

        Raises:
            StateError: they need a model server, and there is none.
        """
        if not is_live(settings):
            from batch_cli.engine.handlers.simulate.handler import Simulate, Simulation  # noqa: PLC0415 - large

            simulated = Simulate(Simulation.from_settings(settings), asyncio.sleep)
            return simulated if self._wrap is None else self._wrap(settings, simulated)
        kind = settings.get(PREDICTS)
        rows = self._live.options.rows if self._live is not None else 1
        if kind in IN_PROCESS:
            from batch_cli.engine.handlers.predict import in_process  # noqa: PLC0415 - only where it is used

            return in_process.make(settings, rows)
        from batch_cli.engine.handlers.live.handler import Live  # noqa: PLC0415 - only where it is used

        async def rest(seconds: float) -> bool:
            try:
                async with asyncio.timeout(seconds):
                    await unwanted.wait()
            except TimeoutError:
                return True
            return False

        async def wait_for(something: asyncio.Future[None]) -> bool:
            end = asyncio.ensure_future(unwanted.wait())
            either: set[asyncio.Future[Any]] = {something, end}
            try:
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            finally:
                something.cancel()
                end.cancel()
            return not unwanted.is_set()

        is_direct = settings.get("via") == DIRECT
        model = settings["model"] if is_direct else None
        fleet = self._model_servers()
        live = Live(
            fleet,
            rest,
            wait_for,
            model=model,
            on_account=self._on_account() if is_direct else OnAccount.ITS_ROW,
            waits=self._live is None or self._live.options.waits,
            once=None if kind else self._once(fleet, settings),
            auto_path=self._live is not None and self._live.options.auto_path,
        )
        if kind is None:
            return live
        from batch_cli.engine.handlers.predict.asking import Ask  # noqa: PLC0415 - only where it is used
        from batch_cli.engine.handlers.predict.wires import WIRES  # noqa: PLC0415 - as above

        return Ask(live, WIRES[kind], settings["model"], rows)

    def _on_account(self) -> OnAccount:
        halts = self._live is None or self._live.options.halts
        return OnAccount.HALT if halts else OnAccount.EVERY_ROW

    def _once(self, fleet: Fleet, settings: JsonObject) -> Once | None:
        """Open the answers that are given again, if the user wants that."""
        from batch_cli.engine.handlers.live.answers import Answers  # noqa: PLC0415 - only where it is wanted
        from batch_cli.engine.handlers.live.once import Once  # noqa: PLC0415 - as above

        live = self._live
        if live is None or live.answers is None:
            return None
        most = live.options.cache_bytes or _MOST_OF_ONE_BATCH
        self._answers = Answers(live.answers, most, settings.get("base_urls", ()))
        return Once(self._answers, fleet.figures)

    @property
    def figures(self) -> LiveFigures | None:
        """How the live requests fare; None where none was asked yet."""
        return None if self._fleet is None else self._fleet.now()

    def _model_servers(self) -> Fleet:
        from batch_cli.engine.handlers.live.figures import Figures  # noqa: PLC0415 - only where it is used
        from batch_cli.engine.handlers.live.fleet import Fleet, ModelServer  # noqa: PLC0415 - only where it is used
        from batch_cli.engine.handlers.live.pace import Pace  # noqa: PLC0415 - only where it is used
        from batch_cli.engine.handlers.live.rates import Rates  # noqa: PLC0415 - only where it is used
        from batch_cli.engine.handlers.live.sender import Sender  # noqa: PLC0415 - only where it is used

        if self._live is None:
            raise StateError("a batch waits for a model server", hint="batch-cli serve --backend URL")
        if self._fleet is None:
            now = asyncio.get_running_loop().time
            servers = []
            for backend in self._live.backends:
                pace = Pace(backend.url, self._tell, now, random.Random())  # noqa: S311 - jitter, no secret
                self._senders.append(Sender(backend))
                servers.append(ModelServer(backend, self._senders[-1], pace, now))
            options = self._live.options
            rates = Rates(options.per_minute, options.tokens_per_minute, now)
            self._fleet = Fleet(servers, rates, Figures(options.dollars_in, options.dollars_out))
        return self._fleet

    async def close(self) -> None:
        """Close the connections."""
        for sender in self._senders:
            await sender.close()
        if self._answers is not None:
            self._answers.close()
