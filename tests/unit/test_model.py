from __future__ import annotations

import pickle

import pytest

from batch_cli.errors import StateError, UsageError
from batch_cli.model import BatchStatus, ModelName, RequestCounts, Secret, check_batch_id


class TestModelName:
    def test_it_splits_at_the_first_slash(self) -> None:
        assert ModelName.parse("regolo/meta/llama") == ModelName("regolo", "meta/llama")

    @pytest.mark.parametrize("text", ["", "gpt-4o-mini", "/", "/gpt", "openai/", "openai//"])
    def test_anything_else_is_refused_with_an_example(self, text: str) -> None:
        with pytest.raises(UsageError, match="Model must be in format 'provider/model-name'") as caught:
            ModelName.parse(text)
        assert caught.value.reference == "E601"
        assert "openai/gpt-4o-mini" in (caught.value.hint or "")


def test_terminal_states_are_those_that_never_change() -> None:
    terminal = {status for status in BatchStatus if status.is_terminal}

    assert {status.value for status in terminal} == {"completed", "failed", "expired", "cancelled"}


def test_done_counts_everything_that_will_not_change() -> None:
    assert RequestCounts(total=9, completed=3, failed=2, cancelled=1, processing=3).done == 6


class TestSecret:
    def test_it_never_shows_itself(self) -> None:
        secret = Secret("sk-canary")

        shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{secret:>20}", f"{[secret]}"]
        assert not [text for text in shown if "canary" in text]
        assert secret.reveal() == "sk-canary"

    def test_it_cannot_be_pickled(self) -> None:
        with pytest.raises(TypeError):
            pickle.dumps(Secret("sk-canary"))


class TestBatchId:
    @pytest.mark.parametrize(
        "text",
        [
            "batch_123",
            "msgbatch_01Ab",
            "batches/abc-1",
            "local_9f",
            "YmF0Y2g6MQ==",
            "a.b:c",
            "projects/1/jobs/2",
        ],
    )
    def test_ids_of_all_providers_pass(self, text: str) -> None:
        assert check_batch_id(text) == text

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            "a b",
            "a/../b",
            "..",
            "/a",
            "a/",
            "a%2fb",
            "a\nb",
            "a\x00",
            "\x1b[2J",
            "ü",
            "a" * 513,
            "a?b",
            "a#b",
        ],
    )
    def test_what_could_leave_a_url_or_a_directory_is_refused(self, text: str) -> None:
        with pytest.raises(UsageError) as caught:
            check_batch_id(text)
        assert caught.value.reference == "E605"

    def test_a_bad_id_from_a_file_names_the_file(self) -> None:
        with pytest.raises(StateError, match="openai_batch_id"):
            check_batch_id("<html>", source="openai_batch_id.txt")
