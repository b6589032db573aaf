"""What a type checker sees of a script: mypy --strict reads this file, and fails where a line is typed otherwise."""

from __future__ import annotations

import io
from pathlib import Path
from typing import assert_type

import pytest

from batch_cli import (
    BatchError,
    BatchJobInfo,
    BatchProcessor,
    BatchResult,
    BatchStatus,
    BatchSuccess,
    Surroundings,
    extract_results,
    filter_errors,
    filter_successful,
    get_results_by_custom_id,
)
from batch_cli.demo import User


def test_a_script_is_typed_from_end_to_end(surroundings: Surroundings, tmp_path: Path) -> None:
    processor = BatchProcessor("local/simulate", User, surroundings=surroundings)
    assert_type(processor, BatchProcessor[User])
    conversations = [[{"role": "user", "content": "I'm Ada, 36."}]]
    buffer = processor.create_batch_from_messages(conversations)
    assert_type(buffer, io.BytesIO)
    assert_type(processor.create_batch_from_messages(conversations, tmp_path / "r.jsonl"), str)
    job = processor.wait(processor.submit_batch(buffer))
    assert_type(job, BatchJobInfo)
    assert_type(job.status, BatchStatus)

    results = processor.retrieve_results(job.id)

    assert_type(results, list[BatchResult[User]])
    assert_type(filter_successful(results), list[BatchSuccess[User]])
    assert_type(filter_errors(results), list[BatchError])
    assert_type(extract_results(results), list[User])
    assert_type(get_results_by_custom_id(results), dict[str, BatchResult[User]])
    for result in results:
        if result.success:
            assert_type(result.result, User)
        else:
            assert_type(result.error_message, str)
    texts = BatchProcessor("local/simulate", str, surroundings=surroundings)
    assert_type(texts.retrieve_results(job.id), list[BatchResult[str]])
    with pytest.raises(KeyError):
        processor.get_batch_status(job.id)["colour"]  # type: ignore[typeddict-item]
