"""Asking a live model many prompts: so many at once, each on its own, the answers by the place of their prompts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from random import Random

from batch_cli.engine.handlers.live.retrying import Verdict, backoff, judge, retry_after
from batch_cli.engine.handlers.live.transport import Transport, TransportError, Unusable
from batch_cli.prompts.failure import METHOD, Outcome, answered, unanswered, unsent
from batch_cli.prompts.service import PromptOptions, Service
from batch_cli.token_usage import Tokens


async def ask_all(
    service: Service,
    transport: Transport,
    prompts: Iterable[str],
    options: PromptOptions,
    *,
    at_once: int,
    tell: Callable[[int, Outcome, Tokens], None],
) -> None:
    """Ask every prompt, ``at_once`` at a time, and tell of each outcome, with its tokens, when it is there, by place from 0.

    Prompts are taken as they are wanted, so that there are never more tasks than ``at_once``, however many prompts
    there are. What goes wrong with one is its own outcome.
    """
    numbered, dice = enumerate(prompts), Random()  # noqa: S311 - spreads tries, keeps no secret

    async def work() -> None:
        for number, prompt in numbered:
            for tries in range(1, options.retries + 2):
                outcome, tokens, pause = await _ask(service, transport, prompt, options)
                if pause is None or tries > options.retries:
                    break
                await asyncio.sleep(max(pause, backoff(tries, dice)))
            tell(number, outcome, tokens)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())


async def _ask(
    service: Service, transport: Transport, prompt: str, options: PromptOptions
) -> tuple[Outcome, Tokens, float | None]:
    """Ask once; give the outcome, its tokens, and where it may pass the seconds that the server wants to be left alone."""
    try:
        body = service.write(prompt, options)
    except ValueError as error:
        return unsent(service, error), Tokens(), None
    try:
        answer = await transport.send(METHOD, service.url, body, options.seconds)
    except TransportError as error:
        return unanswered(service, error), Tokens(), None if isinstance(error, Unusable) else 0.0
    found, tokens = service.read(answer)
    if isinstance(found, str):
        return found, tokens, None
    is_final = judge(answer.status, {"code": found.code}) is Verdict.FINAL
    pause = None if is_final else retry_after(answer.headers) or 0.0
    return answered(service, answer.status, found), tokens, pause
