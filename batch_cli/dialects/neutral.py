"""The messages form as something to write: ``{"custom_id", "messages"}``, which `create` reads for any provider."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from batch_cli.dialects.base import Losses
from batch_cli.errors import Finding
from batch_cli.model import CHAT, BatchRequest, JsonObject, Limits


@dataclass(frozen=True, slots=True)
class MessagesTarget:
    """Lines of a messages file. They name no model; that is `create`'s to say."""

    title: str = "messages"
    limits: Limits = field(default_factory=Limits)
    endpoints: tuple[str, ...] = (CHAT,)

    def is_own(self, line: JsonObject) -> bool:
        """Give False: what is read is never in this form already."""
        del line
        return False

    def write_line(self, request: BatchRequest, losses: Losses, *, max_tokens: int = 1000) -> JsonObject:
        """Write a line; with settings of its own it needs a ``body``, because other fields are the user's columns."""
        del losses, max_tokens
        if request.params:
            return {"custom_id": request.custom_id, "body": {"messages": request.messages, **request.params}}
        return {"custom_id": request.custom_id, "messages": request.messages}

    def with_model(self, line: JsonObject, model: str) -> JsonObject:
        """Give the line as it is."""
        del model
        return line

    def check_id(self, custom_id: str) -> Iterator[Finding]:
        """Find nothing: the provider that is chosen later will."""
        del custom_id
        return iter(())

    def check(self, request: JsonObject) -> Iterator[Finding]:
        """Find nothing, for the same reason."""
        del request
        return iter(())

    def model_of(self, request: JsonObject) -> None:
        """Give None: a line names no model."""
        del request

    def schema_of(self, request: JsonObject) -> None:
        """Give None: a schema that the line asks for is looked for when it is written for a provider."""
        del request


MESSAGES = MessagesTarget()
