"""What a file that is submitted holds, told by its first lines: requests of its provider, of another one, or messages."""

from __future__ import annotations

import shlex
from pathlib import Path

from batch_cli.errors import InvalidInput, Problem
from batch_cli.jobs.check import dialect_of, first_object, is_messages_line
from batch_cli.jobs.submission import SubmitOrder
from batch_cli.messages import MessagesForm
from batch_cli.providers import load_codec
from batch_cli.providers.base import Codec


def is_request_file(order: SubmitOrder, codec: Codec) -> bool:
    """Tell a request file in the provider's own dialect from any other, by its first lines."""
    if order.messages.form is not MessagesForm.JSONL:
        return False
    line = first_object(order.open_file)
    return line is not None and codec.is_own(line)


def foreign_codec(order: SubmitOrder, codec: Codec) -> Codec | None:
    """Recognise the dialect of a request file that has to be converted, by its first lines; None for messages.

    It may be a short shape of the provider's own. A line that a messages file may hold as well
    (``{"custom_id", "params"}`` or ``body``, and nothing that only a request has) is one of messages.
    """
    line = first_object(order.open_file) if order.messages.form is MessagesForm.JSONL else None
    if line is None:
        return None
    if codec.is_readable(line):
        return codec
    name = dialect_of(line)
    return None if name is None or is_messages_line(line) else load_codec(name)


def refuse_other_dialects(order: SubmitOrder, codec: Codec) -> None:
    """Refuse a file that is not in the dialect that its provider is sent, and say how to go on.

    Raises:
        InvalidInput: it is in another one, by its first lines (E312).
    """
    line = first_object(order.open_file)
    name = None if line is None else dialect_of(line)
    if line is None or name is None or codec.is_own(line):
        return
    found = "a short form" if codec.is_readable(line) else f"{load_codec(name).title} format"
    path = Path(order.name)
    file = shlex.quote(order.name) if path.is_file() else "-"
    output = shlex.quote(f"{path.stem}.{order.model.provider}.jsonl" if path.is_file() else "requests.jsonl")
    problem = Problem(
        "E312",
        f"this is {found}, expected {codec.title} format",
        f"batch-cli convert {file} --to {order.model.provider} -o {output}, or"
        f" batch-cli submit {file} -m {order.model}",
        order.name,
        1,
        1,
    )
    raise InvalidInput(f"{order.name} is not valid: 1 problem", problems=(problem,))
