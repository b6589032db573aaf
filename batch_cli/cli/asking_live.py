"""How the options that ask a provider live become what the core understands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from batch_cli.cli.options import Via
from batch_cli.engine.handlers.live.options import LiveOptions, LiveWishes
from batch_cli.errors import UsageError, quoted
from batch_cli.model import ModelName
from batch_cli.models import Price, known_price
from batch_cli.predict.model_file import IN_PROCESS
from batch_cli.providers import PREDICTORS

_PRICE = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)/(\d{1,6}(?:\.\d{1,6})?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Pace:
    """What the options say about speed."""

    concurrency: int
    per_minute: int | None
    tokens_per_minute: int | None
    seconds: float
    grace: float
    dedupe: bool = False
    cache_mb: int | None = None
    auto_path: bool = False
    rows: int = 32
    waits: bool = True
    """Requests wait for a server that is away; else they fail."""
    halts: bool = True
    """A refused account stops the work; else its requests fail."""
    price: str | None = None
    """Dollars for a million tokens, in and out, as they were typed; None: what is known of the model."""


def wishes(
    model: ModelName, via: Via, pace: Pace, base_urls: Sequence[str], *, splits: bool = False
) -> LiveWishes | None:
    """Give how the provider is asked live; None: it is given a batch. Nothing but the user's word switches.

    Raises:
        UsageError: an option contradicts another.
    """
    is_local = model.provider == "local"
    predicts = model.provider in PREDICTORS
    if predicts:
        _refuse_for_predictions(model, pace, base_urls)
    if via is Via.BATCH and not predicts and not (is_local and base_urls):
        if base_urls:
            raise UsageError("--base-url is for --via direct", hint="add --via direct, at the live price")
        if pace.price is not None:
            raise UsageError("--price is for --via direct", hint="add --via direct, or leave it out")
        if pace.per_minute is not None or pace.tokens_per_minute is not None:
            raise UsageError(
                "--rpm and --tpm are for --via direct", hint="add --via direct, or leave them out"
            )
        return None
    if is_local and not base_urls:
        raise UsageError(
            f"--via direct: {model} has no address",
            hint="say where the model server is, for example --base-url http://localhost:11434/v1",
        )
    if splits:
        raise UsageError(
            "--split is for batches, which have limits", hint="leave it out: live requests have none"
        )
    price = _price(pace.price) or (None if base_urls else known_price(model.provider, model.name))
    options = LiveOptions(
        pace.concurrency,
        pace.per_minute,
        pace.tokens_per_minute,
        pace.seconds,
        pace.dedupe,
        None if pace.cache_mb is None else pace.cache_mb * 1_000_000,
        pace.auto_path,
        waits=pace.waits,
        halts=pace.halts,
        dollars_in=price and price.input,
        dollars_out=price and price.output,
        rows=pace.rows,
    )
    return LiveWishes(tuple(base_urls), options, pace.grace)


def _price(text: str | None) -> Price | None:
    """Read ``0.15/0.6``.

    Raises:
        UsageError: it is no such pair.
    """
    if text is None:
        return None
    found = _PRICE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--price is IN/OUT, not {quoted(text[:64])}", hint="for example --price 0.15/0.60")
    return Price(float(found[1]), float(found[2]))


def _refuse_for_predictions(model: ModelName, pace: Pace, base_urls: Sequence[str]) -> None:
    """Refuse what is said of chats alone.

    Raises:
        UsageError: something is.
    """
    if base_urls and model.provider in IN_PROCESS:
        raise UsageError(f"--base-url: {model} runs in this process", hint="leave it out")
    if pace.price is not None:
        raise UsageError("--price is for models that count tokens", hint="leave it out")
    if pace.dedupe or pace.cache_mb is not None or pace.auto_path or pace.tokens_per_minute is not None:
        raise UsageError(
            "--dedupe, --cache, --auto-path and --tpm are not for predictions", hint="leave them out"
        )
