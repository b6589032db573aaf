"""Prompts sent to a live model from a script, by the names of gen_ai: `create_client`, `generate_batch_response`.

Source of the names and defaults: docs/api/batch-processing.md of shivamojha2/DevToolkit (2025-05-29).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal, overload

from batch_cli.config import Services
from batch_cli.errors import ConfigError, UsageError
from batch_cli.model import Secret
from batch_cli.prompts.failure import Outcome, PromptError
from batch_cli.prompts.service import PromptOptions, Service, open_service
from batch_cli.providers import REGISTRY
from batch_cli.settings import KEY_RULES, find_api_key, key_in, missing_key
from batch_cli.token_usage import Tokens

if TYPE_CHECKING:
    from batch_cli.engine.handlers.live.connection import Connection


Texts = list[str | None]
Errors = list[PromptError | None]
Usage = list[Tokens]


class Client:
    """A model that answers prompts now; `create_client` makes it. It holds nothing open and may be shared by threads."""

    def __init__(self, service: Service) -> None:
        """Send to ``service``."""
        self._service = service

    @property
    def url(self) -> str:
        """Give the address that prompts are posted to."""
        return self._service.url

    @overload
    def generate_batch_response(
        self,
        prompts: Iterable[str],
        max_tokens: int | None = 256,
        temperature: float | None = 0,
        top_p: float = 1.0,
        timeout: float = 60,
        *,
        concurrent: bool = True,
        max_concurrent: int = 5,
        retries: int = 0,
        return_error: Literal[False] = False,
        return_usage: Literal[False] = False,
        **params: Any,
    ) -> Texts: ...

    @overload
    def generate_batch_response(
        self,
        prompts: Iterable[str],
        max_tokens: int | None = 256,
        temperature: float | None = 0,
        top_p: float = 1.0,
        timeout: float = 60,
        *,
        concurrent: bool = True,
        max_concurrent: int = 5,
        retries: int = 0,
        return_error: Literal[True],
        return_usage: Literal[False] = False,
        **params: Any,
    ) -> tuple[Texts, Errors]: ...

    @overload
    def generate_batch_response(
        self,
        prompts: Iterable[str],
        max_tokens: int | None = 256,
        temperature: float | None = 0,
        top_p: float = 1.0,
        timeout: float = 60,
        *,
        concurrent: bool = True,
        max_concurrent: int = 5,
        retries: int = 0,
        return_error: bool = False,
        return_usage: Literal[True],
        **params: Any,
    ) -> tuple[Texts, Errors, Usage]: ...

    def generate_batch_response(  # noqa: PLR0913 - the names and their order are gen_ai's
        self,
        prompts: Iterable[str],
        max_tokens: int | None = 256,
        temperature: float | None = 0,
        top_p: float = 1.0,
        timeout: float = 60,
        *,
        concurrent: bool = True,
        max_concurrent: int = 5,
        retries: int = 0,
        return_error: bool = False,
        return_usage: bool = False,
        **params: Any,
    ) -> Texts | tuple[Texts, Errors] | tuple[Texts, Errors, Usage]:
        """Ask every prompt and give the texts of the answers in the order of the prompts, None for a failed one.

        With ``return_error`` a second list says of each prompt why it failed, or None; with ``return_usage`` that
        and a third one, of the tokens that each answer says it took. One failure never stops the others. What may
        pass (a 429, a 5xx, a broken connection) is tried again up to ``retries`` times, after what the server asks
        for or a growing pause by chance. ``max_concurrent`` requests are under way at once, one with
        ``concurrent=False``; each try may take ``timeout`` seconds, to the last byte. None for ``max_tokens`` or
        ``temperature`` sends none. ``params`` are more members of the body, in the provider's own words
        (``stop=["END"]``). All texts are held in memory.

        Raises:
            UsageError: something cannot be meant; nothing is sent then.
            ConfigError: aiohttp, which sends, is not installed.
        """
        from batch_cli.prompts.asking import ask_all  # noqa: PLC0415 - asyncio, 70 ms

        texts = _checked(prompts, timeout, max_concurrent, retries)
        options = PromptOptions(max_tokens, temperature, top_p, timeout, retries, params)
        self._service.check(options)
        outcomes: list[Outcome] = [""] * len(texts)
        usage: Usage = [Tokens()] * len(texts)

        def take(number: int, outcome: Outcome, tokens: Tokens) -> None:
            outcomes[number], usage[number] = outcome, tokens

        async def ask() -> None:
            connection = _connect(self._service)
            try:
                await ask_all(
                    self._service,
                    connection,
                    texts,
                    options,
                    at_once=min(max_concurrent if concurrent else 1, len(texts)),
                    tell=take,
                )
            finally:
                await connection.close()

        if texts:
            _run(ask)
        answers = [one if isinstance(one, str) else None for one in outcomes]
        errors = [None if isinstance(one, str) else one for one in outcomes]
        if return_usage:
            return answers, errors, usage
        return (answers, errors) if return_error else answers


@overload
def generate_batch_response(
    prompts: Iterable[str],
    client: Client,
    max_tokens: int | None = 256,
    temperature: float | None = 0,
    top_p: float = 1.0,
    timeout: float = 60,
    *,
    concurrent: bool = True,
    max_concurrent: int = 5,
    retries: int = 0,
    return_error: Literal[False] = False,
    return_usage: Literal[False] = False,
    **params: Any,
) -> Texts: ...


@overload
def generate_batch_response(
    prompts: Iterable[str],
    client: Client,
    max_tokens: int | None = 256,
    temperature: float | None = 0,
    top_p: float = 1.0,
    timeout: float = 60,
    *,
    concurrent: bool = True,
    max_concurrent: int = 5,
    retries: int = 0,
    return_error: Literal[True],
    return_usage: Literal[False] = False,
    **params: Any,
) -> tuple[Texts, Errors]: ...


@overload
def generate_batch_response(
    prompts: Iterable[str],
    client: Client,
    max_tokens: int | None = 256,
    temperature: float | None = 0,
    top_p: float = 1.0,
    timeout: float = 60,
    *,
    concurrent: bool = True,
    max_concurrent: int = 5,
    retries: int = 0,
    return_error: bool = False,
    return_usage: Literal[True],
    **params: Any,
) -> tuple[Texts, Errors, Usage]: ...


def generate_batch_response(prompts: Iterable[str], client: Client, *words: Any, **params: Any) -> Any:
    """Ask ``client`` every prompt: `Client.generate_batch_response` as a function."""
    return client.generate_batch_response(prompts, *words, **params)


def create_client(
    provider: str,
    api_key: str | None = None,
    endpoint: str | None = None,
    model_name: str = "",
    *,
    chat: bool = True,
    environment: Mapping[str, str] | None = None,
) -> Client:
    """Make a client of a provider's live model; nothing is sent.

    ``provider`` is one of those that batches run on, ``gemini`` for google, or a service of the user's config
    file. ``api_key`` stands for the variable of the provider's key, ``endpoint`` for its address, as OpenAI-compatible
    servers need it (``http://localhost:8000/v1``; these may do without a key). ``chat=False`` asks OpenAI's older
    ``/completions`` in place of ``/chat/completions``. ``environment`` stands for the process's own.

    Raises:
        UsageError: the provider is not known (E602), no model is named, or the endpoint is no address.
        ConfigError: there is no key, or one that cannot be right.
    """
    if not model_name:
        raise UsageError("no model is named", hint="give model_name, as the provider calls it")
    found = os.environ if environment is None else environment
    services = Services(found, REGISTRY)
    service = open_service(
        provider,
        model_name,
        _key(provider, api_key, found, services, has_endpoint=endpoint is not None),
        environment=found,
        endpoint=endpoint,
        chat=chat,
    )
    return Client(service)


def _key(
    provider: str,
    given: str | None,
    environment: Mapping[str, str],
    services: Services,
    *,
    has_endpoint: bool,
) -> Secret | None:
    """Find the key; a server that the user names by its address may need none."""
    if given is not None:
        return key_in("api_key", {"api_key": given})
    rule = KEY_RULES.get("google" if provider == "gemini" else provider)
    if rule is None:
        service = None if provider in REGISTRY else services.get(provider)
        return None if service is None else key_in(service.key_variable, environment)
    found = find_api_key(provider, environment, rule=rule)
    if found is None and not has_endpoint:
        raise missing_key(rule)
    return found


def _checked(prompts: Iterable[str], timeout: float, max_concurrent: int, retries: int) -> list[str]:
    if isinstance(prompts, str):
        raise UsageError("prompts is one text", hint="give a list of texts: [prompt]")
    texts = list(prompts)
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise UsageError(f"prompts[{number}] is {type(text).__name__}, not a text", hint="give texts")
    if max_concurrent < 1:
        raise UsageError("max_concurrent must be at least 1", hint="1 asks one after the other")
    if retries < 0:
        raise UsageError("retries must be at least 0", hint="0 asks every prompt once")
    if not timeout > 0:
        raise UsageError("timeout must be more than 0 seconds", hint="give for example timeout=60")
    return texts


def _connect(service: Service) -> Connection:
    try:
        from batch_cli.engine.handlers.live.connection import Connection  # noqa: PLC0415 - aiohttp, an extra
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"sending prompts needs the package {error.name}, which is not installed",
            hint="pip install 'batch-cli[serve]'",
        ) from error
    return Connection(service.backend)


def _run(ask: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run it to its end in an event loop of its own; where one runs already (a notebook), in a thread beside it."""
    import asyncio  # noqa: PLC0415 - 70 ms

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(ask())
        return
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(ask())).result()
