"""`BatchProcessor`: typed batches for scripts, by the names that instructor's users know.

Source of the names: instructor 1.17.0 (read 2026-11-21).
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar, cast, overload

from pydantic import BaseModel

from batch_cli.api import batches
from batch_cli.api.job_info import BatchJobInfo, BatchStatusInfo, job_info, status_info
from batch_cli.api.outcomes import BatchError, BatchResult, BatchSuccess
from batch_cli.api.request_files import Conversation, write_to_buffer, write_to_file
from batch_cli.api.surroundings import Surroundings
from batch_cli.error_taxonomy import ErrorKind, explained, judge
from batch_cli.errors import UsageError, quoted
from batch_cli.jobs.end import cancel, delete
from batch_cli.jobs.follow import status
from batch_cli.jobs.workspace import BatchPlace, Workspace
from batch_cli.jsonl import loads_exactly
from batch_cli.model import JsonObject, JsonValue, ModelName, ResultError, object_of
from batch_cli.providers import load_codec
from batch_cli.providers.base import Answer, EncodeOptions
from batch_cli.response_model import ResponseModel, from_class, validated
from batch_cli.results import OutputRow

T = TypeVar("T")
Path_ = str | os.PathLike[str]


class BatchProcessor(Generic[T]):
    """Batches of one model whose answers are all of one type. It holds nothing open and may be shared by threads.

    ``response_model`` is a pydantic class, whose objects the results are, or ``str`` for plain texts::

        processor = BatchProcessor("local/simulate", User)
        requests = processor.create_batch_from_messages([[{"role": "user", "content": "I'm Ada, 36."}]])
        batch_id = processor.submit_batch(requests)
        processor.wait(batch_id)
        for result in processor.iter_results(batch_id):
            print(result.result.name if result.success else result.error_message)

    Every method but the first may raise what `batch_cli.errors` lists for its command: `ConfigError` without a
    key, `Temporary` for what passes, `Rejected` for what does not, all of them a `BatchCliError`.
    """

    def __init__(
        self,
        model: str,
        response_model: type[T],
        *,
        api_key: str | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        """Take the model as ``provider/name``; the key, if it is not in the provider's variable. Nothing is sent.

        Raises:
            UsageError: the model has another form (E601), its provider is not known (E602), or the answers'
                type is neither a pydantic class nor ``str``.
        """
        self.model = model
        self.response_model = response_model
        self._name = ModelName.parse(model)
        self._api_key = api_key
        self._surroundings = surroundings or Surroundings()
        self._typed = _response_model(response_model)
        with self._open():
            pass  # refuses an unknown provider

    @property
    def provider_name(self) -> str:
        """Give the part of ``model`` in front of the slash."""
        return self._name.provider

    @property
    def model_name(self) -> str:
        """Give the part of ``model`` behind the slash."""
        return self._name.name

    # --- requests ---

    @overload
    def create_batch_from_messages(
        self,
        messages_list: Iterable[Conversation],
        file_path: None = None,
        max_tokens: int = 1000,
        temperature: float = 0.1,
        custom_ids: Iterable[str] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> io.BytesIO: ...

    @overload
    def create_batch_from_messages(
        self,
        messages_list: Iterable[Conversation],
        file_path: Path_,
        max_tokens: int = 1000,
        temperature: float = 0.1,
        custom_ids: Iterable[str] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> str: ...

    def create_batch_from_messages(
        self,
        messages_list: Iterable[Conversation],
        file_path: Path_ | None = None,
        max_tokens: int = 1000,
        temperature: float = 0.1,
        custom_ids: Iterable[str] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> str | io.BytesIO:
        """Write the request lines of conversations to a file and give its path, or into memory without one.

        The ids are ``custom_ids``, one for each conversation, else ``request-0``, ``request-1`` and so on.
        ``params`` are more body fields in the provider's own words. A file is written in one step, with one
        conversation in memory at a time, and replaces an earlier one. No network, no key.

        Raises:
            InvalidInput: with every problem of the conversations and ids; nothing is written then.
        """
        options = replace(
            self._encode_options(),
            max_tokens=max_tokens,
            temperature=temperature,
            extra=dict(params or {}),
        )
        with self._open() as workspace:
            codec = load_codec(self.provider_name, workspace.services)
        if file_path is None:
            return write_to_buffer(messages_list, custom_ids, codec, options)
        write_to_file(messages_list, custom_ids, codec, options, Path(file_path))
        return os.fspath(file_path)

    # --- batches ---

    def submit_batch(
        self,
        file_path_or_buffer: batches.Source,
        metadata: Mapping[str, str] | None = None,
        *,
        again: bool = False,
        split: bool = False,
        simulate: Mapping[str, float] | None = None,
    ) -> str:
        """Check requests, submit them, and give the id of the batch.

        Takes what `submit` takes: request lines of any provider, and messages. The same content within 24 hours
        is the same batch, so a script that died may be run again, unless ``again`` asks for a second one.
        With ``split``, what is too large for one batch becomes a job of several, whose id is given.
        ``simulate`` is for ``local/simulate``: ``error_rate`` (0 to 1), ``latency`` (seconds), ``seed``.

        Raises:
            InvalidInput: with every problem of the file; nothing is sent then.
            OutcomeUnknown: there may be a batch or not; the same call again finds it.
        """
        wishes = batches.SubmitWishes(metadata, again=again, split=split, simulate=simulate)
        with self._open() as workspace:
            options = self._encode_options()
            return batches.submit_source(workspace, file_path_or_buffer, self._name, options, wishes).id

    def get_batch(self, batch_id: str) -> BatchJobInfo:
        """Ask how a batch stands."""
        with self._open() as workspace:
            return job_info(status(workspace, self._place(workspace, batch_id)))

    def get_batch_status(self, batch_id: str) -> BatchStatusInfo:
        """Ask how a batch stands, and give it in short, as a dict; its ``status`` is a word of `BatchStatus`."""
        with self._open() as workspace:
            return status_info(status(workspace, self._place(workspace, batch_id)))

    def wait(self, batch_id: str, timeout: float | None = None) -> BatchJobInfo:
        """Wait until a batch has ended, or ``timeout`` seconds are over, and give it as it stands then.

        Network errors are waited out. A batch on the local engine is worked at in this process, if this is the
        main thread. Ctrl-C raises ``KeyboardInterrupt`` as ever, and nothing is lost.
        """
        with self._open() as workspace:
            return job_info(batches.wait_for(workspace, self._place(workspace, batch_id), timeout))

    def list_batches(self, limit: int = 10) -> list[BatchJobInfo]:
        """Give the newest batches of the provider's account; of the local engine, those of this machine."""
        with self._open() as workspace:
            return [job_info(one) for one in batches.newest_batches(workspace, self.provider_name, limit)]

    def cancel_batch(self, batch_id: str) -> BatchJobInfo:
        """Stop what has not started; what is finished stays. One that has ended stays as it is."""
        with self._open() as workspace:
            return job_info(cancel(workspace, self._place(workspace, batch_id)).batch)

    def delete_batch(self, batch_id: str) -> list[tuple[str, str]]:
        """Remove a batch that has ended, with its files, and give what was removed as ``(kind, name)``.

        Raises:
            StateError: it is still running.
        """
        with self._open() as workspace:
            return delete(workspace, self._place(workspace, batch_id)).removed

    # --- results ---

    def retrieve_results(self, batch_id: str) -> list[BatchResult[T]]:
        """Give one result for each request, failed and missing ones included, in input order. All are in memory.

        Raises:
            NotFinished: the batch has not ended.
            DamagedData: the results contradict themselves; none is given then.
        """
        return list(self.iter_results(batch_id))

    def iter_results(self, batch_id: str) -> Iterator[BatchResult[T]]:
        """Give what `retrieve_results` gives, one at a time; nothing is asked before the first is taken.

        Raises:
            NotFinished: the batch has not ended.
            DamagedData: the results contradict themselves; possibly only after the last one.
        """
        with self._open() as workspace:
            place = self._place(workspace, batch_id)
            _, found = batches.result_rows(workspace, place, self._typed)
            answer = workspace.provider(place.provider).answer
            for row in found:
                yield self._result(row, answer)

    def get_results(
        self, batch_id: str, file_path: str | os.PathLike[str] | None = None
    ) -> list[BatchResult[T]]:
        """Give what `retrieve_results` gives; with ``file_path``, write the rows there as well, as ``results -o`` does.

        The file gets its proof beside it, ``FILE.meta.json``. May be repeated: a complete file is recognised.

        Raises:
            NotFinished: the batch has not ended.
            StateError: ``file_path`` holds something else.
            DiskError: it cannot be written; an older file is untouched.
        """
        if file_path is None:
            return self.retrieve_results(batch_id)
        found: list[BatchResult[T]] = []
        with self._open() as workspace:
            place = self._place(workspace, batch_id)
            answer = workspace.provider(place.provider).answer
            batches.save_results(
                workspace,
                place,
                Path(file_path),
                self._typed,
                lambda row: found.append(self._result(row, answer)),
            )
        return found

    def parse_results(self, text: str | bytes) -> list[BatchResult[T]]:
        """Give the results in ``text``, lines of a result file of this provider that came by other means, in its order.

        Nobody is asked, and no requests are known, so none can be missing. A result that stands there twice is given once.

        Raises:
            DamagedFile: there is something else in it, or results that contradict each other; with every line.
        """
        with self._open() as workspace:
            found = batches.parsed_rows(workspace, text, self.provider_name, self._typed)
            answer = load_codec(self.provider_name, workspace.services).answer
            return [self._result(row, answer) for row in found]

    def _result(self, row: OutputRow, answer_of: Callable[[JsonValue], Answer | None]) -> BatchResult[T]:
        if row.error is not None:
            return _failed(row, row.error)
        if self._typed is not None:
            model = cast("type[BaseModel]", self.response_model)
            return BatchSuccess(row.custom_id, cast("T", validated(model, row.parsed)))
        answer = answer_of((row.response or {}).get("body")) or Answer("")
        why = _without_text(answer)
        return BatchSuccess(row.custom_id, cast("T", answer.text)) if why is None else _failed(row, why)

    # --- what all of them need ---

    def _open(self) -> AbstractContextManager[Workspace]:
        return self._surroundings.open(self.provider_name, self._api_key)

    def _place(self, workspace: Workspace, batch_id: str) -> BatchPlace:
        return workspace.find_batch(batch_id, ModelName(self.provider_name, ""))

    def _encode_options(self) -> EncodeOptions:
        return EncodeOptions(self.model_name, response_model=self._typed)


def _response_model(kind: type[object]) -> ResponseModel | None:
    """Give what the answers have to look like; None: texts.

    What it parses to is the answer as it was decoded, which fits: the object is made of that, because one that
    was written as JSON again need not be readable (aliases, serializers of its own).
    """
    if kind is str:
        return None
    if not (isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not BaseModel):
        raise UsageError(
            f"response model {quoted(repr(kind))} is not a pydantic model",
            hint="give a class that derives from pydantic.BaseModel, or str for plain texts",
            reference="E606",
        )
    model: type[BaseModel] = kind

    def parse(value: JsonValue) -> JsonValue:
        validated(model, value)
        return value

    return replace(from_class(model), parse=parse)


def _without_text(answer: Answer) -> ResultError | None:
    """Say why an answer holds no text; None: it holds one."""
    if answer.refusal:
        return ResultError("refusal", f"the model refused: {answer.refusal}")
    if answer.text:
        return None
    if judge(ResultError(answer.finish_reason or "", "")).kind is ErrorKind.FILTERED:
        return ResultError("content_filter", f"a filter took the answer away ({answer.finish_reason})")
    return ResultError("empty_answer", "the answer holds no text")


def _failed(row: OutputRow, why: ResultError) -> BatchError:
    raw: JsonObject = loads_exactly(row.line)
    status = object_of(raw.get("response")).get("status_code")
    error = explained(why, status if isinstance(status, int) else None)
    return BatchError(
        row.custom_id,
        error.type,
        error.message,
        raw,
        error.code,
        error.retryable,
        error.suggestion,
    )
