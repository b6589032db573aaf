"""How the options that ask a provider live become what the core understands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batch_cli.cli.options import Via
from batch_cli.engine.handlers.live.options import LiveOptions, LiveWishes
from batch_cli.errors import UsageError
from batch_cli.model import ModelName


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


def wishes(
    model: ModelName, via: Via, pace: Pace, base_urls: Sequence[str], *, splits: bool = False
) -> LiveWishes | None:
    """Give how the provider is asked live; None: it is given a batch. Nothing but the user's word switches.

    Raises:
        UsageError: an option contradicts another.
    """
    is_local = model.provider == "local"
    if via is Via.BATCH and not (is_local and base_urls):
        if base_urls:
            raise UsageError("--base-url is for --via direct", hint="add --via direct, at the live price")
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
    options = LiveOptions(
        pace.concurrency,
        pace.per_minute,
        pace.tokens_per_minute,
        pace.seconds,
        pace.dedupe,
        None if pace.cache_mb is None else pace.cache_mb * 1_000_000,
        pace.auto_path,
    )
    return LiveWishes(tuple(base_urls), options, pace.grace)
