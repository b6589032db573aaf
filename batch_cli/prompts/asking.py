"""Asking a live model many prompts: so many at once, each on its own, the answers by the place of their prompts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from batch_cli.engine.handlers.live.transport import Transport, TransportError
from batch_cli.prompts.failure import METHOD, Outcome, answered, unanswered, unsent
from batch_cli.prompts.service import PromptOptions, Service


async def ask_all(
    service: Service,
    transport: Transport,
    prompts: Iterable[str],
    options: PromptOptions,
    *,
    at_once: int,
    tell: Callable[[int, Outcome], None],
) -> None:
    """Ask every prompt once, ``at_once`` at a time, and tell of each outcome when it is there, by place from 0.

    Prompts are taken as they are wanted, so that there are never more tasks than ``at_once``, however many prompts
    there are. What goes wrong with one is its own outcome.
    """
    numbered = enumerate(prompts)

    async def work() -> None:
        for number, prompt in numbered:
            tell(number, await _ask(service, transport, prompt, options))

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())


async def _ask(service: Service, transport: Transport, prompt: str, options: PromptOptions) -> Outcome:
    try:
        body = service.write(prompt, options)
    except ValueError as error:
        return unsent(service, error)
    try:
        answer = await transport.send(METHOD, service.url, body, options.seconds)
    except TransportError as error:
        return unanswered(service, error)
    found = service.read(answer)
    return found if isinstance(found, str) else answered(service, answer.status, found)
