"""A function of this process as a target: the time is its own, without a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from batch_cli.bench.call import Reply
from batch_cli.local_models.models import Model, ModelFault
from batch_cli.model import JsonValue


@dataclass(frozen=True, slots=True)
class FunctionTarget:
    """A model, called with each of some inputs; the inputs together are one call."""

    model: Model
    inputs: list[JsonValue]

    @property
    def name(self) -> str:
        """Give where the function comes from."""
        return self.model.source

    def open(self) -> FunctionTarget:
        """Give itself: there is nothing to connect to."""
        return self

    def send(self) -> list[JsonValue | ModelFault]:
        """Call the function with every input."""
        return [self._predict(value) for value in self.inputs]

    def read(self, raw: Any) -> Reply:
        """Count what it gave; the call fails only if it fails for every input."""
        faults = [one for one in raw if isinstance(one, ModelFault)]
        good = len(raw) - len(faults)
        values = [None if isinstance(one, ModelFault) else one for one in raw]
        error = str(faults[0]) if faults and not good else None
        return Reply(error, len(raw), len(raw), good, values)

    def cut(self) -> None:
        """Do nothing: code of this process cannot be ended from outside."""

    def close(self) -> None:
        """Do nothing: nothing is held."""

    def _predict(self, value: JsonValue) -> JsonValue | ModelFault:
        try:
            return self.model.predict(value)
        except ModelFault as fault:
            return fault
