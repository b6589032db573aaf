"""Every provider that runs batches does the same things: the local engine, and the hosted ones against a real server."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from batch_cli.errors import UsageError
from batch_cli.events import ignore
from batch_cli.model import BatchStatus
from batch_cli.predict.model_file import IN_PROCESS
from batch_cli.providers import PREDICTORS, REGISTRY, entry
from batch_cli.providers.base import Input
from tests.contract.grounds import GROUNDS, Runner


def fresh_key() -> str:
    return f"bci_{os.urandom(16).hex()}"


def test_every_provider_of_the_table_is_tested() -> None:
    assert {ground.name for ground in GROUNDS} == {
        name for name, found in REGISTRY.items() if found.provider is not None
    }


def test_a_batch_goes_from_created_to_its_results(runner: Runner) -> None:
    provider = runner.provider
    batch_id = runner.start(runner.lines(25), fresh_key())

    fresh = provider.retrieve(batch_id)
    assert fresh is not None
    assert fresh.provider == runner.ground.name
    assert fresh.metadata.get("k", "v") == "v"

    ended = provider.drive(batch_id, ignore, 60)
    assert ended is not None
    assert (ended.status, ended.counts.completed, ended.counts.failed or 0) == (BatchStatus.COMPLETED, 25, 0)

    results = {result.custom_id: result for result in provider.results(batch_id)}
    assert set(results) == set(provider.request_ids(batch_id)) == {f"r{n}" for n in range(25)}
    for n in range(25):
        response = results[f"r{n}"].response
        assert response is not None
        answer = provider.answer(response["body"])
        assert answer is not None
        assert runner.ground.said(f"text {n}") in answer.text


def test_texts_survive_byte_for_byte(runner: Runner) -> None:
    texts = ["üé", "</script>", "[/red]", "=1+1", "\u202e", 'quote"\\', "18446744073709551616", "🇬🇧"]
    lines = [runner.ground.line(f"t{at}", text) for at, text in enumerate(texts)]
    batch_id = runner.start(lines, fresh_key())
    runner.provider.drive(batch_id, ignore, 60)

    assert list(runner.provider.request_ids(batch_id)) == [f"t{at}" for at in range(len(texts))]
    for result in runner.provider.results(batch_id):
        assert result.response is not None
        answer = runner.provider.answer(result.response["body"])
        assert answer is not None
        assert runner.ground.said(texts[int(result.custom_id[1:])]) in answer.text


def test_ids_survive_byte_for_byte(runner: Runner) -> None:
    ids = list(runner.ground.ids)
    batch_id = runner.start([runner.ground.line(one, "Hi") for one in ids], fresh_key())
    runner.provider.drive(batch_id, ignore, 60)

    assert list(runner.provider.request_ids(batch_id)) == ids
    assert {result.custom_id for result in runner.provider.results(batch_id)} == set(ids)


def test_the_batch_of_an_earlier_create_is_found_again_and_no_other(runner: Runner) -> None:
    key, began = fresh_key(), time.time()
    batch_id = runner.start(runner.lines(1), key)

    found = runner.provider.find(key, runner.staged, began)

    assert found is not None
    assert found.id == batch_id
    other = fresh_key()
    staged = runner.provider.stage(other, runner.source(runner.lines(1)))
    assert runner.provider.find(other, staged, time.time()) is None


def test_creating_twice_with_one_key_gives_one_batch_where_the_provider_knows_keys(runner: Runner) -> None:
    key = fresh_key()
    first = runner.start(runner.lines(1), key)

    if runner.ground.name in ("local", *PREDICTORS):
        assert runner.start(runner.lines(1), key) == first


def test_failures_are_rows_with_an_error(runner: Runner) -> None:
    provider = runner.open(errors=0.5)
    batch_id = runner.start(runner.lines(40), fresh_key())

    ended = provider.drive(batch_id, ignore, 60)

    assert ended is not None
    failed = [result for result in provider.results(batch_id) if result.error]
    assert ended.counts.failed == len(failed)
    assert 0 < len(failed) < 40
    assert all(result.error and result.error.message for result in failed)


def test_a_cancel_keeps_what_is_finished_and_names_the_rest(runner: Runner) -> None:
    provider = runner.open(latency=0.05)
    batch_id = runner.start(runner.lines(400), fresh_key())
    provider.drive(batch_id, ignore, runner.ground.before_cancel)

    assert provider.cancel(batch_id) is not None
    cancelled = provider.drive(batch_id, ignore, 60)

    assert cancelled is not None
    assert cancelled.status is BatchStatus.CANCELLED
    results = list(provider.results(batch_id))
    kept = [result for result in results if result.error is None]
    assert cancelled.counts.completed == len(kept) or not runner.ground.keeps_cancelled
    assert len(kept) < 400
    if runner.ground.names_unstarted:
        assert len(results) == 400
        assert {r.error.retryable for r in results if r.error} == {True}
    else:
        assert results == kept


def test_cancelling_an_ended_or_unknown_batch_is_harmless(runner: Runner) -> None:
    provider = runner.provider
    batch_id = runner.start(runner.lines(1), fresh_key())
    provider.drive(batch_id, ignore, 60)

    ended = provider.cancel(batch_id)

    assert ended is not None
    assert ended.status is BatchStatus.COMPLETED
    assert provider.cancel("nobody_1") is None
    assert provider.retrieve("nobody_1") is None


def test_deleting_removes_it_and_says_what_was_removed(runner: Runner) -> None:
    provider = runner.provider
    batch_id = runner.start(runner.lines(1), fresh_key())
    provider.drive(batch_id, ignore, 60)

    deletes_batches = runner.ground.name in ("local", "anthropic", "google", "mistral", *PREDICTORS)
    assert (("batch", batch_id) in provider.delete(batch_id)) == deletes_batches
    assert provider.delete("nobody_1") == []


def test_a_dry_run_tells_what_a_deletion_would_remove_and_removes_nothing(runner: Runner) -> None:
    provider = runner.provider
    batch_id = runner.start(runner.lines(1), fresh_key())
    provider.drive(batch_id, ignore, 60)

    told = provider.delete(batch_id, dry_run=True)

    assert provider.retrieve(batch_id) is not None
    assert provider.delete(batch_id, dry_run=True) == told
    assert provider.delete(batch_id) == told != []
    assert provider.delete(batch_id, dry_run=True) == []
    assert provider.delete("nobody_1", dry_run=True) == []


def test_it_says_which_models_it_has(runner: Runner) -> None:
    models = {model.name: model for model in runner.provider.models()}

    if runner.ground.name in IN_PROCESS:
        assert models == {}
        return
    # Our server has one list for Spice and for OpenAI's wire.
    assert ("example" if runner.ground.name == "torch" else "simulate") in models
    assert all(model.batch is not False for model in models.values())
    assert "" not in models


def test_staging_again_replaces_a_first_try_that_was_cut(runner: Runner) -> None:
    key = fresh_key()
    with pytest.raises(RuntimeError):
        runner.provider.stage(key, _breaks_off(runner))
    batch_id = runner.start([runner.ground.line("a", "Hi")], key)
    runner.provider.drive(batch_id, ignore, 60)

    assert list(runner.provider.request_ids(batch_id)) == ["a"]


def _breaks_off(runner: Runner) -> Input:
    whole = runner.source(runner.lines(3))

    def lines() -> Iterator[bytes]:
        yield next(iter(whole.lines()))
        raise RuntimeError("the file was cut")

    return Input(lines, whole.requests, whole.bytes, whole.sha256)


def test_an_unknown_provider_names_the_known_ones_and_the_closest() -> None:
    with pytest.raises(UsageError, match="Unsupported provider: opneai") as caught:
        entry("opneai", "opneai/x")
    assert caught.value.where == ("got: 'opneai/x'", "did you mean 'openai'?")
    assert (
        caught.value.hint
        == "use openai, anthropic, google, mistral, regolo, azure, groq, local, spice, torch, onnx or function"
    )
