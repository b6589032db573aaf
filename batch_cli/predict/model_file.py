"""The file of a model that runs in this process, as a batch remembers it: where it is, and what was in it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Self

from batch_cli.errors import InvalidInput, UsageError, quoted
from batch_cli.files import open_input
from batch_cli.model import JsonObject

ONNX, FUNCTION = "onnx", "function"
IN_PROCESS = (ONNX, FUNCTION)
"""What a model in this process can be."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """An ONNX file, or a Python file with a function."""

    path: Path
    sha256: str
    function: str | None = None
    """None: it is an ONNX file."""

    @classmethod
    def named(cls, kind: str, name: str, directory: Path) -> Self:
        """Find the file that a model's name means, seen from ``directory``: ``FILE``, or ``FILE.py:FUNCTION``.

        Raises:
            UsageError: the name is not of this form.
            InvalidInput: there is no such file.
        """
        file, colon, function = name.rpartition(":") if kind == FUNCTION else (name, "", "")
        if kind == FUNCTION and not (file.endswith(".py") and colon and function.isidentifier()):
            raise UsageError(
                f"{quoted(name)} does not name a function", hint="for example -m function/model.py:predict"
            )
        path = (directory / file).absolute()
        if "=" in str(path) and function:
            raise UsageError(f"{quoted(str(path))} has a = in it", hint="move the file, or rename it")
        return cls(path, _hash_of(path), function or None)

    @classmethod
    def of(cls, settings: JsonObject) -> Self:
        """Read what `as_settings` gave."""
        return cls(Path(settings["file"]), settings["file_sha256"], settings.get("function"))

    def as_settings(self) -> JsonObject:
        """Give it as the settings of a batch: another model makes another batch of the same rows."""
        function = {} if self.function is None else {"function": self.function}
        return {"file": str(self.path), "file_sha256": self.sha256, **function}

    def refuse_changed(self) -> None:
        """Refuse to go on with another model than the one that was submitted.

        Raises:
            InvalidInput: the file has changed, or is gone.
        """
        if _hash_of(self.path) != self.sha256:
            raise InvalidInput(
                f"{quoted(str(self.path))} has changed since the batch was submitted",
                hint="bring the file back, or submit the rows again: that makes a batch of the model as it is now",
            )


def _hash_of(path: Path) -> str:
    with open_input(path) as stream:
        return file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]  # a file, whatever its class
