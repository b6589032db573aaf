"""The Python interface on the local engine: from messages to typed results."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, RootModel, field_serializer

from batch_cli import (
    BatchError,
    BatchProcessor,
    BatchSuccess,
    ConfigError,
    DamagedFile,
    InvalidInput,
    NotFinished,
    StateError,
    Surroundings,
    UsageError,
    extract_results,
    filter_errors,
)
from batch_cli.demo import PROMPTS, User
from batch_cli.events import Note
from batch_cli.jobs.split import Split
from batch_cli.providers.base import Answer
from tests.support import Recorder, read_lines

ADA = [{"role": "user", "content": "I'm Ada, 36 years old."}]
BEN = [{"role": "user", "content": "I'm Ben, 41 years old."}]


@pytest.fixture
def processor(surroundings: Surroundings) -> BatchProcessor[User]:
    return BatchProcessor("local/simulate", User, surroundings=surroundings)


def run(processor: BatchProcessor[Any], *conversations: list[dict[str, str]], **options: Any) -> str:
    batch_id = processor.submit_batch(processor.create_batch_from_messages(conversations), **options)
    assert processor.wait(batch_id).status == "completed"
    return batch_id


class TestRequests:
    def test_a_file_and_a_buffer_hold_the_same_lines(
        self, processor: BatchProcessor[User], tmp_path: Path
    ) -> None:
        path = tmp_path / "r.jsonl"

        assert processor.create_batch_from_messages([ADA, BEN], path) == str(path)
        buffer = processor.create_batch_from_messages([ADA, BEN])

        assert buffer.read() == path.read_bytes()
        lines = read_lines(path)
        assert [line["custom_id"] for line in lines] == ["request-0", "request-1"]
        assert lines[0]["body"]["messages"] == ADA
        assert (lines[0]["body"]["max_tokens"], lines[0]["body"]["temperature"]) == (1000, 0.1)

    def test_what_is_asked_for_stands_in_every_line(
        self, processor: BatchProcessor[User], tmp_path: Path
    ) -> None:
        processor.create_batch_from_messages([ADA], tmp_path / "r.jsonl", 7, 0.5, ["x"], {"top_p": 0.9})

        (line,) = read_lines(tmp_path / "r.jsonl")
        assert line["custom_id"] == "x"
        body = line["body"]
        assert (body["max_tokens"], body["temperature"], body["top_p"]) == (7, 0.5, 0.9)
        assert body["response_format"]["json_schema"]["name"] == "User"

    def test_conversations_are_taken_one_at_a_time(
        self, processor: BatchProcessor[User], tmp_path: Path
    ) -> None:
        taken: list[int] = []

        def conversations() -> Iterator[list[dict[str, str]]]:
            for number in range(3_000):
                taken.append(number)
                yield [{"role": "user", "content": f"text {number} " + 1_000 * "x"}]
                # Nothing of the output is kept in memory: it is on disk before the last one was asked for.
            taken.append(sum(one.stat().st_size for one in tmp_path.iterdir()))

        processor.create_batch_from_messages(conversations(), tmp_path / "r.jsonl")

        assert len(read_lines(tmp_path / "r.jsonl")) == 3_000
        assert taken[-1] > 1_000_000

    @pytest.mark.parametrize(
        ("messages", "ids", "message"),
        [
            ([ADA, BEN], ["a", "a"], 'duplicate custom_id "a"'),
            ([ADA, [{"content": "Hi"}]], None, "role"),
            ([ADA, [{"role": "user", "content": object()}]], None, "cannot be written as JSON"),
        ],
    )
    def test_what_is_wrong_is_refused_and_leaves_an_earlier_file_as_it_was(
        self,
        processor: BatchProcessor[User],
        tmp_path: Path,
        messages: Any,
        ids: list[str] | None,
        message: str,
    ) -> None:
        path = tmp_path / "r.jsonl"
        path.write_text("before")

        with pytest.raises(InvalidInput) as caught:
            processor.create_batch_from_messages(messages, path, custom_ids=ids)

        said = [caught.value.message, *(problem.message for problem in caught.value.problems)]
        assert any(message in one for one in said)
        assert path.read_text() == "before"

    @pytest.mark.parametrize(("ids", "message"), [(["a"], "only 1"), (["a", "b", "c"], "more ids")])
    def test_ids_and_conversations_have_to_be_as_many(
        self, processor: BatchProcessor[User], ids: list[str], message: str
    ) -> None:
        with pytest.raises(UsageError, match=message):
            processor.create_batch_from_messages([ADA, BEN], custom_ids=ids)

    def test_ids_that_a_provider_refuses_are_found_before_anything_is_sent(
        self, surroundings: Surroundings
    ) -> None:
        anthropic = BatchProcessor("anthropic/claude-x", User, surroundings=surroundings)

        with pytest.raises(InvalidInput):
            anthropic.create_batch_from_messages([ADA], custom_ids=["a b"])

    @pytest.mark.parametrize(
        ("model", "kind", "message"),
        [
            ("gpt-4o", User, "Model must be in format 'provider/model-name'"),
            ("opnai/gpt-4o", User, "Unsupported provider: opnai"),
            ("openai/gpt-4o", dict, "is not a pydantic model"),
            ("openai/gpt-4o", BaseModel, "is not a pydantic model"),
        ],
    )
    def test_a_processor_that_cannot_work_is_refused(
        self, surroundings: Surroundings, model: str, kind: type[object], message: str
    ) -> None:
        with pytest.raises(UsageError) as caught:
            BatchProcessor(model, kind, surroundings=surroundings)

        assert message in caught.value.message


class TestResults:
    def test_results_are_objects_in_the_order_of_the_requests(self, processor: BatchProcessor[User]) -> None:
        batch_id = run(processor, *([{"role": "user", "content": text}] for text in PROMPTS))

        results = processor.retrieve_results(batch_id)

        assert [result.custom_id for result in results] == [f"request-{n}" for n in range(10)]
        assert extract_results(results)[:2] == [User(name="Alice", age=28), User(name="Bob", age=35)]

    def test_a_failed_request_is_a_result_with_its_reason(self, processor: BatchProcessor[User]) -> None:
        batch_id = run(processor, ADA, BEN, simulate={"error_rate": 1.0})

        errors = filter_errors(processor.iter_results(batch_id))

        assert [error.custom_id for error in errors] == ["request-0", "request-1"]
        first = errors[0]
        assert first.error_type
        assert "(simulated)" in first.error_message
        assert first.retryable
        assert "send the request again" in (first.suggestion or "")
        assert first.raw_data is not None
        assert first.raw_data["custom_id"] == "request-0"

    def test_results_are_written_to_a_file_as_well_with_their_proof(
        self, processor: BatchProcessor[User], tmp_path: Path
    ) -> None:
        batch_id = run(processor, ADA, BEN)
        output = tmp_path / "out.jsonl"

        results = processor.get_results(batch_id, output)

        assert results == processor.retrieve_results(batch_id) == processor.get_results(batch_id)
        rows = read_lines(output)
        assert [row["parsed"] for row in rows] == [{"name": "Ada", "age": 36}, {"name": "Ben", "age": 41}]
        assert (tmp_path / "out.jsonl.meta.json").exists()
        before = output.stat()
        assert processor.get_results(batch_id, str(output)) == results
        assert (output.stat().st_ino, output.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        other = run(processor, BEN)
        with pytest.raises(StateError, match="exists and holds"):
            processor.get_results(other, output)

    def test_lines_that_came_by_other_means_are_read_alike(self, surroundings: Surroundings) -> None:
        processor = BatchProcessor("anthropic/claude-x", User, surroundings=surroundings)

        def line(custom_id: str, age: object) -> str:
            use = {
                "type": "tool_use",
                "id": "t",
                "name": "extract_data",
                "input": {"name": "Ada", "age": age},
            }
            message = {"type": "message", "role": "assistant", "content": [use], "stop_reason": "tool_use"}
            return json.dumps({"custom_id": custom_id, "result": {"type": "succeeded", "message": message}})

        results = processor.parse_results("\n".join((line("b", 36), line("a", "old"), line("b", 36))))

        assert [result.custom_id for result in results] == ["b", "a"]
        assert extract_results(results) == [User(name="Ada", age=36)]
        assert "age" in filter_errors(results)[0].error_message
        with pytest.raises(DamagedFile, match="contradict"):
            processor.parse_results("\n".join((line("a", 1), line("a", 2))))
        with pytest.raises(DamagedFile):
            processor.parse_results(b"<html>502</html>")

    def test_an_answer_that_does_not_fit_names_its_field_and_keeps_what_was_said(
        self, surroundings: Surroundings, processor: BatchProcessor[User]
    ) -> None:
        class Child(User):
            age: int = Field(le=12)

        batch_id = run(processor, ADA)

        (result,) = BatchProcessor("local/simulate", Child, surroundings=surroundings).retrieve_results(
            batch_id
        )

        assert isinstance(result, BatchError)
        assert result.error_type == "schema_mismatch"
        assert "age: " in result.error_message
        assert result.raw_data is not None
        assert "Ada" in str(result.raw_data["response"])

    def test_a_model_that_writes_otherwise_than_it_reads_gives_its_objects(
        self, surroundings: Surroundings
    ) -> None:
        class Person(BaseModel):
            name: str = Field(alias="fullName")
            born: date

            @field_serializer("born")
            def _shown(self, born: date) -> str:
                return f"on {born}"

        processor = BatchProcessor("local/simulate", Person, surroundings=surroundings)
        batch_id = run(processor, [{"role": "user", "content": "Ada Lovelace, born 1815-12-10"}])

        (result,) = processor.retrieve_results(batch_id)

        assert isinstance(result, BatchSuccess)
        assert isinstance(result.result.born, date)
        assert result.result.name

    def test_a_root_model_is_a_model(self, surroundings: Surroundings) -> None:
        class Person(RootModel[User]):
            pass

        processor = BatchProcessor("local/simulate", Person, surroundings=surroundings)

        (result,) = processor.retrieve_results(run(processor, ADA))

        assert isinstance(result, BatchSuccess)
        assert result.result.root == User(name="Ada", age=36)

    def test_a_processor_of_texts_gives_texts(self, surroundings: Surroundings) -> None:
        processor = BatchProcessor("local/simulate", str, surroundings=surroundings)

        (result,) = processor.retrieve_results(run(processor, ADA))

        assert isinstance(result, BatchSuccess)
        assert result.result.endswith("I'm Ada, 36 years old.")

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (None, "empty_answer"),
            (Answer("", "stop"), "empty_answer"),
            (Answer("", "content_filter"), "content_filter"),
            (Answer("", "stop", "I would rather not"), "refusal"),
        ],
    )
    def test_an_answer_without_a_text_is_an_error_of_its_own(
        self,
        surroundings: Surroundings,
        monkeypatch: pytest.MonkeyPatch,
        answer: Answer | None,
        kind: str,
    ) -> None:
        processor = BatchProcessor("local/simulate", str, surroundings=surroundings)
        batch_id = run(processor, ADA)
        monkeypatch.setattr("batch_cli.providers.routed.Routed.answer", lambda *_args: answer)

        assert [error.error_type for error in filter_errors(processor.iter_results(batch_id))] == [kind]

    def test_results_of_a_batch_that_runs_are_refused(self, processor: BatchProcessor[User]) -> None:
        batch_id = processor.submit_batch(processor.create_batch_from_messages([ADA]))

        with pytest.raises(NotFinished):
            processor.retrieve_results(batch_id)


class TestBatches:
    def test_a_file_is_submitted_by_its_path(self, processor: BatchProcessor[User], tmp_path: Path) -> None:
        path = processor.create_batch_from_messages([ADA], tmp_path / "r.jsonl")

        info = processor.get_batch(processor.submit_batch(Path(path), {"team": "search"}))

        assert (info.status, info.request_counts.total, info.simulated) == ("pending", 1, True)
        assert info.metadata == {"team": "search"}
        assert not list(tmp_path.glob("*_batch_id.txt"))

    def test_a_buffer_is_taken_from_its_start_wherever_it_stands(
        self, processor: BatchProcessor[User]
    ) -> None:
        buffer = processor.create_batch_from_messages([ADA])
        buffer.seek(0, io.SEEK_END)

        assert processor.get_batch(processor.submit_batch(buffer)).request_counts.total == 1

    def test_the_same_requests_are_the_same_batch_unless_a_second_one_is_asked_for(
        self, processor: BatchProcessor[User], recorder: Recorder
    ) -> None:
        requests = processor.create_batch_from_messages([ADA])
        first = processor.submit_batch(requests)

        assert processor.submit_batch(requests) == first
        assert any(isinstance(one, Note) and "already submitted" in one.text for one in recorder.events)
        assert processor.submit_batch(requests, again=True) != first

    def test_the_short_form_of_a_status_is_a_dict_in_the_words_of_all_providers(
        self, processor: BatchProcessor[User]
    ) -> None:
        status = processor.get_batch_status(run(processor, ADA))

        assert status["status"] == "completed"
        assert status["request_counts"]["total"] == status["request_counts"]["completed"] == 1

    def test_waiting_ends_when_its_time_is_over(self, processor: BatchProcessor[User]) -> None:
        batch_id = processor.submit_batch(
            processor.create_batch_from_messages([ADA]), simulate={"latency": 30}
        )

        assert not processor.wait(batch_id, timeout=0.1).status.is_terminal

    def test_a_thread_waits_for_what_a_worker_does(
        self, processor: BatchProcessor[User], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batch_id = processor.submit_batch(processor.create_batch_from_messages([ADA]))
        asked, found = threading.Event(), []
        monkeypatch.setattr("batch_cli.engine.daemon.ensure_worker", lambda *_args: asked.set())
        thread = threading.Thread(target=lambda: found.append(processor.wait(batch_id)))

        thread.start()
        assert asked.wait(30)
        processor.wait(batch_id)
        thread.join(30)

        assert [info.status for info in found] == ["completed"]

    def test_a_cancelled_batch_has_a_result_for_every_request(self, processor: BatchProcessor[User]) -> None:
        batch_id = processor.submit_batch(processor.create_batch_from_messages([ADA, BEN]))

        assert processor.cancel_batch(batch_id).status == "cancelled"

        assert [one.error_type for one in filter_errors(processor.iter_results(batch_id))] == 2 * [
            "cancelled"
        ]

    def test_batches_are_listed_the_newest_first(self, processor: BatchProcessor[User]) -> None:
        ids = [
            processor.submit_batch(processor.create_batch_from_messages([one]))
            for one in (ADA, BEN, ADA + BEN)
        ]

        assert [info.id for info in processor.list_batches(2)] == ids[:0:-1]

    def test_only_a_batch_that_has_ended_is_deleted(self, processor: BatchProcessor[User]) -> None:
        batch_id = processor.submit_batch(processor.create_batch_from_messages([ADA]))
        with pytest.raises(StateError):
            processor.delete_batch(batch_id)
        processor.wait(batch_id)

        assert ("batch", batch_id) in processor.delete_batch(batch_id)
        assert processor.list_batches() == []

    def test_a_job_of_several_batches_is_one_thing(
        self, processor: BatchProcessor[User], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("batch_cli.api.batches.Split", lambda: Split(1))

        batch_id = processor.submit_batch(processor.create_batch_from_messages([ADA, BEN]), split=True)

        assert batch_id.startswith("bcj_")
        assert processor.wait(batch_id).request_counts.completed == 2
        assert [user.name for user in extract_results(processor.iter_results(batch_id))] == ["Ada", "Ben"]

    @pytest.mark.parametrize(
        ("model", "options", "message"),
        [
            ("local/gpt", {}, "the local engine has no model"),
            ("openai/gpt-4o", {"simulate": {"latency": 1}}, "simulate is for local/simulate"),
            ("local/simulate", {"simulate": {"latencies": 1}}, "'latencies' is not known"),
            ("local/simulate", {"metadata": {"team": 1}}, "must be texts"),
            ("local/simulate", {"metadata": {"batch_cli_intent": "x"}}, "is our own"),
        ],
    )
    def test_a_submit_that_cannot_be_meant_is_refused(
        self, surroundings: Surroundings, model: str, options: dict[str, Any], message: str
    ) -> None:
        processor = BatchProcessor(model, User, surroundings=surroundings)

        with pytest.raises(UsageError, match=message):
            processor.submit_batch(processor.create_batch_from_messages([ADA]), **options)

    def test_a_missing_key_is_missed_when_it_is_needed(self, surroundings: Surroundings) -> None:
        processor = BatchProcessor("openai/gpt-4o", User, surroundings=surroundings)
        requests = processor.create_batch_from_messages([ADA])

        with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
            processor.submit_batch(requests)

    def test_a_batch_of_another_provider_is_refused(
        self, surroundings: Surroundings, processor: BatchProcessor[User]
    ) -> None:
        batch_id = run(processor, ADA)
        other = BatchProcessor("openai/gpt-4o", User, api_key="sk-test", surroundings=surroundings)

        with pytest.raises(UsageError, match="is a batch id of local"):
            other.get_batch(batch_id)
