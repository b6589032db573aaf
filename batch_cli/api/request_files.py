"""Requests that a script has as Python objects, written as the request lines of a provider."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from batch_cli.errors import InvalidInput, ProblemLog, UsageError
from batch_cli.jobs.create import CreateOrder, create_file, encode_messages, write_request_file
from batch_cli.jsonl import dumps_exactly
from batch_cli.messages import MessagesOptions
from batch_cli.model import ModelName
from batch_cli.providers.base import Codec, EncodeOptions

Conversation: TypeAlias = Sequence[Mapping[str, Any]]
"""The messages of one request: ``{"role", "content"}`` each."""

_NAME = "messages_list"
"""What problems are placed in; their lines are conversations, from 1."""


def write_to_file(
    conversations: Iterable[Conversation],
    custom_ids: Iterable[str] | None,
    codec: Codec,
    options: EncodeOptions,
    path: Path,
) -> None:
    """Write a request file in one step, one conversation in memory at a time; an existing one is replaced.

    Raises:
        InvalidInput: with every problem; nothing is written then.
        UsageError: there are not as many ids as conversations.
    """
    order = CreateOrder(
        lambda: _stream(conversations, custom_ids),
        _NAME,
        ModelName(codec.title, options.model),
        options,
        MessagesOptions(),
    )
    create_file(order, codec, path)


def write_to_buffer(
    conversations: Iterable[Conversation],
    custom_ids: Iterable[str] | None,
    codec: Codec,
    options: EncodeOptions,
) -> io.BytesIO:
    """Write the request lines into memory; raises as `write_to_file` does. The buffer stands at its start."""
    buffer, problems = io.BytesIO(), ProblemLog()
    stream = _stream(conversations, custom_ids)
    lines = encode_messages(stream, _NAME, codec, options, MessagesOptions(), problems)
    write_request_file(lines, buffer, _NAME)
    problems.refuse_errors(_NAME)
    buffer.seek(0)
    return buffer


def _stream(conversations: Iterable[Conversation], custom_ids: Iterable[str] | None) -> BinaryIO:
    return io.BufferedReader(_Lines(_message_lines(conversations, custom_ids)))


def _message_lines(
    conversations: Iterable[Conversation], custom_ids: Iterable[str] | None
) -> Iterator[bytes]:
    """Write each conversation as a line of a messages file."""
    ids = None if custom_ids is None else iter(custom_ids)
    for number, messages in enumerate(conversations):
        value: Any = messages
        if ids is not None:
            custom_id = next(ids, None)
            if custom_id is None:
                raise _wrong_count(f"only {number:,}")
            value = {"custom_id": custom_id, "messages": messages}
        try:
            yield dumps_exactly(value) + b"\n"
        except (TypeError, ValueError) as error:
            raise InvalidInput(
                f"{_NAME}[{number}] cannot be written as JSON: {error}",
                hint="use dicts, lists, texts, numbers, booleans and None only",
                reference="E302",
            ) from error
    if ids is not None and next(ids, None) is not None:
        raise _wrong_count("more")


def _wrong_count(how_many: str) -> UsageError:
    return UsageError(
        f"custom_ids has {how_many} ids than {_NAME} has conversations"
        if how_many == "more"
        else f"custom_ids has {how_many} ids, {_NAME} has more conversations",
        hint="give one id for each conversation",
    )


class _Lines(io.RawIOBase):
    """A stream of the bytes that an iterator makes, as they are wanted."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = next(self._pieces, b"")
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
