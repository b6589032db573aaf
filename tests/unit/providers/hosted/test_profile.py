from __future__ import annotations

import pytest

from batch_cli.errors import ConfigError
from batch_cli.model import Batch, BatchStatus, RequestCounts
from batch_cli.providers.hosted.connection import origin_of
from batch_cli.providers.hosted.profile import profile, stage_of

AZURE, REGOLO = profile("azure"), profile("regolo")


def azure_at(**environment: str) -> str:
    return str(origin_of(environment, AZURE.base_url_variables, AZURE.base_url, AZURE.root_paths))


class TestAzuresAddress:
    def test_an_endpoint_gets_the_path_that_its_sdk_adds(self) -> None:
        assert azure_at(AZURE_OPENAI_ENDPOINT="https://r.example/") == "https://r.example/openai/v1"

    def test_a_path_that_is_there_stays(self) -> None:
        assert azure_at(AZURE_OPENAI_ENDPOINT="https://r.example/x") == "https://r.example/x"
        assert azure_at(AZURE_OPENAI_BASE_URL="https://r.example") == "https://r.example"

    def test_without_one_its_variable_is_named(self) -> None:
        with pytest.raises(ConfigError, match="AZURE_OPENAI_BASE_URL environment variable is not set"):
            azure_at()


@pytest.mark.parametrize(
    "url", ["https://api.regolo.ai", "https://api.regolo.ai/", "https://api.regolo.ai/v1"]
)
def test_regolos_address_may_lack_the_version(url: str) -> None:
    found = origin_of({"REGOLO_URL": url}, REGOLO.base_url_variables, None, REGOLO.root_paths)

    assert str(found) == "https://api.regolo.ai/v1"


@pytest.mark.parametrize(
    ("raw", "done", "is_new", "stage"),
    [
        ("validating", 0, True, "Submitted"),
        ("submitted", 0, False, "Submitted"),
        ("validating", 0, False, "Validating"),
        ("queued", 0, False, "Queued"),
        ("in_progress", 0, False, "Queued"),
        ("in_progress", 3, False, "Processing"),
        ("finalizing", 9, False, "Processing"),
        ("completed", 9, False, "Completed"),
        ("failed", 0, False, "Failed"),
        ("cancelling", 0, False, None),
        ("expired", 0, False, None),
    ],
)
def test_regolos_words_for_the_life_of_a_batch(raw: str, done: int, is_new: bool, stage: str | None) -> None:
    status = BatchStatus.QUEUED if raw == "submitted" else BatchStatus(raw)
    batch = Batch("b", "regolo", status, raw, counts=RequestCounts(9, done))

    assert stage_of(REGOLO.stages, batch, is_new=is_new) == stage
    assert stage_of(profile("openai").stages, batch) is None
