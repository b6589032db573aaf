"""Standard output and standard error: who sees what, in colour or not, and what happens when they go away."""

from __future__ import annotations

import enum
import errno
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TextIO

from batch_cli import __version__
from batch_cli.cli.text import safe
from batch_cli.errors import BatchCliError, DiskError, disk_error
from batch_cli.jsonl import dumps
from batch_cli.model import JsonObject

_SHOWN_FAMILIES = ("E5", "E7", "E8", "E9")
"""Codes of files, results, state and settings; those of requests stand with their problems."""


class ReaderGone(Exception):
    """Nobody reads standard output any more. Not an ``OSError``: typer would end the program with 1."""


class ColorWhen(enum.StrEnum):
    """When to colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(slots=True)
class Console:
    """The two streams of one run. Everything foreign goes through `safe` on its way to a person."""

    environment: Mapping[str, str]
    quiet: int = 0
    verbose: int = 0
    color: ColorWhen = ColorWhen.AUTO
    json: bool = False
    written: int = field(default=0, init=False)
    """Bytes that went to standard output."""

    # --- data: standard output ---

    def write(self, data: bytes) -> None:
        """Write data to standard output.

        Raises:
            ReaderGone: leave quietly.
            DiskError: it cannot be written.
        """
        try:
            sys.stdout.buffer.write(data)
        except BrokenPipeError as error:
            raise ReaderGone from error
        except OSError as error:
            raise disk_error(error, "standard output", doing="writing to") from error
        self.written += len(data)

    def line(self, text: str) -> None:
        """Write one line of data as UTF-8, whatever the locale says."""
        self.write(f"{text}\n".encode("utf-8", "surrogateescape"))

    def document(self, schema: str, facts: JsonObject) -> None:
        """Write one JSON document: indented for a person, on one line in a pipe."""
        whole = {"schema": f"batch_cli.{schema}/v1", "tool_version": __version__, **facts}
        self.write(dumps(whole, indent=self.is_terminal) + b"\n")

    @property
    def is_terminal(self) -> bool:
        """Tell whether a person looks at standard output."""
        return _is_terminal(sys.stdout)

    def flush(self) -> None:
        """Hand everything to the kernel.

        Raises:
            ReaderGone: leave quietly.
            DiskError: it cannot be written.
        """
        try:
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise ReaderGone from error
        except OSError as error:
            raise disk_error(error, "standard output", doing="writing to") from error

    # --- talk: standard error ---

    def say(self, text: str, *, detail: bool = False) -> None:
        """Tell the person something, unless that person asked for quiet; details only with ``-v``."""
        if not self.quiet and (not detail or self.verbose):
            self._talk(safe(text))

    def warn(self, text: str, hint: str | None = None) -> None:
        """Warn the person, in the three-line form of errors."""
        if not self.quiet:
            self._talk(f"{self._mark('Warning', '33')}: {safe(text)}")
            if hint:
                self._talk(f"  fix: {safe(hint)}")

    def fail(self, error: BatchCliError) -> None:
        """Tell what went wrong, where and why, and how to fix it."""
        code = f" [{error.reference}]" if error.reference.startswith(_SHOWN_FAMILIES) else ""
        self._talk(f"{self._mark('Error', '31')}: {safe(error.message)}{code}")
        for line in error.where:
            self._talk(f"  {safe(line)}")
        if error.hint:
            self._talk(f"  fix: {safe(error.hint)}")

    def raw_error_line(self, data: bytes) -> None:
        """Write a line of JSON to standard error."""
        self._talk(data.decode("utf-8"))

    def talk(self, text: str) -> None:
        """Write a line to standard error whatever was asked for; ``text`` is safe already."""
        self._talk(text)

    def _talk(self, text: str) -> None:
        if sys.stderr is None:
            return
        try:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()
        except OSError:
            pass  # nobody listens; the work goes on

    def _mark(self, word: str, code: str) -> str:
        stream = sys.stderr
        if not _is_terminal(stream):
            return word
        encoding = (getattr(stream, "encoding", "") or "").lower()
        sign = {"Error": "❌ ", "Warning": "⚠️  "}[word] if "utf" in encoding else ""
        return f"{sign}\x1b[1;{code}m{word}\x1b[0m" if self.colors(stream) else f"{sign}{word}"

    def colors(self, stream: TextIO | None) -> bool:
        """Decide whether a stream gets colour; the first rule that says something wins."""
        env = self.environment
        if self.color is not ColorWhen.AUTO:
            return self.color is ColorWhen.ALWAYS
        if env.get("NO_COLOR"):
            return False
        if any(env.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
            return True
        if env.get("CLICOLOR") == "0" or env.get("TERM") == "dumb":
            return False
        return _is_terminal(stream)


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def prepare_streams() -> None:
    """Make both streams safe to write any text to, and refuse to work without standard output.

    Raises:
        DiskError: standard output is closed; nothing that costs money may start then.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        os.fstat(1)
    except OSError as error:
        if error.errno == errno.EBADF or sys.stdout is None:
            raise DiskError("cannot write to standard output: it is closed") from error
        raise
    if sys.stdout is None:
        raise DiskError("cannot write to standard output: it is closed")


def abandon(stream: TextIO | None) -> None:
    """Point a stream at nothing, so that the interpreter's last flush of it cannot fail."""
    if stream is None:
        return
    try:
        descriptor = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
    except (OSError, ValueError):
        pass  # nothing there to point anywhere


def settle_stderr() -> None:
    """Hand over what standard error still holds; where nobody can take it, forget it."""
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except OSError:
        abandon(sys.stderr)
