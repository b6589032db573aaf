"""Create: from a messages file to a request file in a provider's dialect. No network, no key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from batch_cli.columns import ColumnsSpool, columns_path
from batch_cli.dialects.base import Unsupported
from batch_cli.errors import Problem, ProblemLog
from batch_cli.files import PartFile
from batch_cli.messages import MessagesOptions, read_messages
from batch_cli.model import ModelName
from batch_cli.prediction_rows import read_rows
from batch_cli.providers.base import Codec, EncodeOptions
from batch_cli.results import Sink

Opener = Callable[[], BinaryIO]
"""Opens the input anew, at its start."""


@dataclass(frozen=True, slots=True)
class CreatedFile:
    """A request file that was written."""

    path: str
    """``-`` for standard output."""
    requests: int
    bytes: int
    sha256: str
    columns: int = 0
    """Requests whose lines held more than the request: that is kept beside the file, not in it."""


def encode_messages(
    stream: BinaryIO,
    name: str,
    codec: Codec,
    options: EncodeOptions,
    messages: MessagesOptions,
    problems: ProblemLog,
    columns: ColumnsSpool | None = None,
) -> Iterator[bytes]:
    """Give the request lines for a messages file, one at a time; what is wrong goes to ``problems``.

    What the lines hold beside their requests goes to ``columns``.
    """
    requests = (
        read_rows(stream, name, problems, messages, codec.row_field)
        if codec.row_field is not None
        else read_messages(stream, name, problems, messages)
    )
    for request in requests:
        try:
            line = codec.encode_line(request, options)
        except Unsupported as error:
            problems.add(Problem("E305", str(error), error.hint, name, request.line, 1, error.path or None))
            continue
        for found in codec.check_id(request.custom_id):
            problems.add(
                Problem(
                    found.code,
                    found.message,
                    found.hint,
                    name,
                    request.line,
                    1,
                    custom_id=request.custom_id,
                )
            )
        if columns is not None:
            columns.add(request.custom_id, request.columns)
        yield line


def write_request_file(lines: Iterator[bytes], sink: Sink, path: str) -> CreatedFile:
    """Write lines, counting and hashing what is written."""
    requests = size = 0
    digest = sha256()
    for line in lines:
        data = line + b"\n"
        sink.write(data)
        digest.update(data)
        requests += 1
        size += len(data)
    return CreatedFile(path, requests, size, digest.hexdigest())


@dataclass(frozen=True, slots=True)
class CreateOrder:
    """What `create_file` is asked for."""

    open_messages: Opener
    name: str
    """The messages file, for messages to the user."""
    model: ModelName
    encode: EncodeOptions
    messages: MessagesOptions


def create_file(order: CreateOrder, codec: Codec, output: Path) -> CreatedFile:
    """Write the request file ``output`` in one step; an existing one is replaced, or stays as it is.

    The user's own columns, if there are any, are written to ``output.columns.jsonl``.

    Raises:
        InvalidInput: with every problem of the messages file; nothing is written then.
        StateError: another process is writing ``output``.
        DiskError: it cannot be written.
    """
    problems = ProblemLog()
    with PartFile(output) as part, order.open_messages() as stream, ColumnsSpool() as columns:
        lines = encode_messages(stream, order.name, codec, order.encode, order.messages, problems, columns)
        created = replace(write_request_file(lines, part, str(output)), columns=columns.count)
        problems.refuse_errors(order.name)
        if columns.count:
            columns.save(columns_path(part.target), created.sha256)
        part.commit()
    return created


class _Nowhere:
    """A sink that keeps nothing."""

    def write(self, data: bytes) -> None:
        """Forget ``data``."""


def create_to(order: CreateOrder, codec: Codec, sink: Sink) -> CreatedFile:
    """Write the request lines to ``sink``, after a first pass has found the messages file right.

    Raises:
        InvalidInput: with every problem; nothing is written then.
    """
    problems = ProblemLog()
    for is_real in (False, True):
        with order.open_messages() as stream, ColumnsSpool() as columns:
            lines = encode_messages(
                stream, order.name, codec, order.encode, order.messages, problems, columns
            )
            created = write_request_file(lines, sink if is_real else _Nowhere(), "-")
            created = replace(created, columns=columns.count)
        problems.refuse_errors(order.name)
    return created
