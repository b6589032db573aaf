"""Every provider that runs batches must do the same things; so far it is the local engine alone."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from batch_cli.clock import SystemClock
from batch_cli.errors import UsageError
from batch_cli.events import ignore
from batch_cli.jsonl import dumps
from batch_cli.model import BatchStatus
from batch_cli.providers import REGISTRY, entry, open_provider
from batch_cli.providers.base import BatchOptions, Input, Place, Provider
from tests.support import chat

RUNNERS = [name for name, found in REGISTRY.items() if found.provider is not None]
KEY = "bci_" + "1f" * 16
URL = "/v1/chat/completions"


@pytest.fixture(params=RUNNERS)
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Provider:
    return open_provider(request.param, Place(tmp_path / "state"), SystemClock())


def source(lines: list[Any]) -> Input:
    encoded = [line if isinstance(line, bytes) else dumps(line) for line in lines]
    digest = sha256(b"".join(line + b"\n" for line in encoded)).hexdigest()
    return Input(lambda: iter(encoded), len(encoded), digest)


def start(
    provider: Provider, lines: list[Any], settings: dict[str, Any] | None = None, key: str = KEY
) -> str:
    staged = provider.stage(key, source(lines))
    options = BatchOptions(URL, "simulate", len(lines), {"k": "v"}, settings or {})
    return provider.create(key, staged, options).id


def test_a_batch_goes_from_created_to_its_results(provider: Provider) -> None:
    lines = [chat(f"r{n}", f"text {n}") for n in range(25)]
    batch_id = start(provider, lines)

    fresh = provider.retrieve(batch_id)
    assert fresh is not None
    assert (fresh.provider, fresh.counts.total, fresh.status.is_terminal) == (provider.name, 25, False)
    assert fresh.metadata == {"k": "v"}

    ended = provider.drive(batch_id, ignore, None)
    assert ended is not None
    assert (ended.status, ended.counts.completed, ended.counts.failed) == (BatchStatus.COMPLETED, 25, 0)

    results = {result.custom_id: result for result in provider.results(batch_id)}
    assert set(results) == set(provider.request_ids(batch_id)) == {f"r{n}" for n in range(25)}
    for n in range(25):
        response = results[f"r{n}"].response
        assert response is not None
        answer = provider.answer(response["body"])
        assert answer is not None
        assert f"text {n}" in answer.text


def test_ids_and_texts_survive_byte_for_byte(provider: Provider) -> None:
    ids = ["ü\u2028é", "</script>", "[/red]", "=1+1", "a" * 512, 'quote"\\', "18446744073709551616"]
    batch_id = start(provider, [chat(one) for one in ids])
    provider.drive(batch_id, ignore, None)

    assert list(provider.request_ids(batch_id)) == ids
    assert {result.custom_id for result in provider.results(batch_id)} == set(ids)


def test_creating_twice_with_one_key_gives_one_batch(provider: Provider) -> None:
    first = start(provider, [chat("a")])
    second = start(provider, [chat("a")])

    assert first == second
    found = provider.find(KEY)
    assert found is not None
    assert found.id == first
    assert provider.find("bci_unknown") is None


def test_failures_are_rows_with_an_error(provider: Provider) -> None:
    batch_id = start(provider, [chat(f"r{n}") for n in range(40)], {"error_rate": 0.5, "seed": 3})

    ended = provider.drive(batch_id, ignore, None)

    assert ended is not None
    failed = [result for result in provider.results(batch_id) if result.error]
    assert ended.counts.failed == len(failed)
    assert 0 < len(failed) < 40
    assert all(result.error and result.error.message for result in failed)


def test_a_cancel_keeps_what_is_finished_and_names_the_rest(provider: Provider) -> None:
    batch_id = start(provider, [chat(f"r{n}") for n in range(200)], {"latency": 0.02})
    provider.drive(batch_id, ignore, 0.2)

    cancelled = provider.cancel(batch_id)

    assert cancelled is not None
    assert cancelled.status is BatchStatus.CANCELLED
    results = list(provider.results(batch_id))
    assert len(results) == 200
    kept = [result for result in results if result.error is None]
    assert cancelled.counts.completed == len(kept)
    assert 0 < len(kept) < 200
    assert {r.error.type for r in results if r.error} == {"cancelled"}


def test_cancelling_an_ended_or_unknown_batch_is_harmless(provider: Provider) -> None:
    batch_id = start(provider, [chat("a")])
    provider.drive(batch_id, ignore, None)

    ended = provider.cancel(batch_id)

    assert ended is not None
    assert ended.status is BatchStatus.COMPLETED
    assert provider.cancel("local_nobody") is None
    assert provider.retrieve("local_nobody") is None
    assert list(provider.results("local_nobody")) == []


def test_deleting_removes_it_and_deleting_again_removes_nothing(provider: Provider) -> None:
    batch_id = start(provider, [chat("a")])
    provider.drive(batch_id, ignore, None)

    assert ("batch", batch_id) in provider.delete(batch_id)
    assert provider.delete(batch_id) == []
    assert provider.retrieve(batch_id) is None


def test_staging_again_replaces_a_first_try_that_was_cut(provider: Provider) -> None:
    provider.stage(KEY, source([b'{"cut'] * 100))
    batch_id = start(provider, [chat("a")])

    assert list(provider.request_ids(batch_id)) == ["a"]


def test_a_provider_that_cannot_run_batches_yet_says_so(tmp_path: Path) -> None:
    for name in set(REGISTRY) - set(RUNNERS):
        with pytest.raises(UsageError, match="cannot submit"):
            open_provider(name, Place(tmp_path), SystemClock())


def test_an_unknown_provider_names_the_known_ones_and_the_closest() -> None:
    with pytest.raises(UsageError, match="Unsupported provider: opneai") as caught:
        entry("opneai", "opneai/x")
    assert caught.value.where == ("got: 'opneai/x'", "did you mean 'openai'?")
    assert caught.value.hint == "use openai, anthropic, google, mistral, regolo or local"
