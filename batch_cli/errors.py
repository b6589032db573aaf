"""Every way a command can fail, with the exit code that scripts see.

    BatchCliError
    ├── UsageError          2   the call is wrong
    ├── InvalidInput        3   a file is wrong; carries every problem found
    │   └── DamagedFile    13   a result file is cut or contradicts itself
    ├── ConfigError         4   a key or a setting is missing or refused
    ├── Rejected            5   the provider refused for good
    │   └── Gone            5   what was asked for is not there any more
    ├── Temporary           6   the network or the provider failed in a way that passes
    │   └── NoRoom          6   the account has too much queued
    ├── NotFinished         8   the batch is still running
    ├── StateError          9   no id known, locked, output exists
    ├── NothingUsable      10   the batch ended without one good answer
    ├── OutcomeUnknown     11   a submit may or may not have started a batch
    ├── DiskError          12   the local file system refused
    ├── DamagedData        13   result data is cut or contradicts itself
    └── Stopped       128 + n   signal n asked to stop

A failed *request* is never an exception: it is a row of the output (:class:`batch_cli.model.BatchResult`).
"""

from __future__ import annotations

import enum
import errno
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar


class ExitCode(enum.IntEnum):
    """What a script can rely on; codes are added, never changed."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    INVALID_INPUT = 3
    CONFIG = 4
    REJECTED = 5
    TEMPORARY = 6
    INCOMPLETE = 7
    PENDING = 8
    STATE = 9
    FAILED = 10
    UNKNOWN = 11
    IO = 12
    DAMAGED = 13
    HANGUP = 129
    INTERRUPTED = 130
    PIPE = 141
    TERMINATED = 143

    @property
    def meaning(self) -> str:
        """Give the one line that help pages and the README print for this code."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.OK: "the command kept its promise, on disk",
    ExitCode.INTERNAL: "a bug in batch-cli; the message names a log file",
    ExitCode.USAGE: "options, arguments, unknown provider, model format",
    ExitCode.INVALID_INPUT: "an input file is unreadable or not valid",
    ExitCode.CONFIG: "a key is missing or refused, or a setting is wrong",
    ExitCode.REJECTED: "the provider refused for good",
    ExitCode.TEMPORARY: "network, timeout, rate limit: run it again later",
    ExitCode.INCOMPLETE: "finished, but some requests failed or are missing",
    ExitCode.PENDING: "the batch has not finished yet",
    ExitCode.STATE: "no batch id known, locked by another run, or the output exists",
    ExitCode.FAILED: "ended with nothing usable",
    ExitCode.UNKNOWN: "the outcome of a submit is unknown",
    ExitCode.IO: "local disk full, no permission, or standard output closed",
    ExitCode.DAMAGED: "result data is cut or contradicts itself",
    ExitCode.HANGUP: "the terminal went away",
    ExitCode.INTERRUPTED: "Ctrl-C",
    ExitCode.PIPE: "the reader of the pipe went away",
    ExitCode.TERMINATED: "asked to stop (SIGTERM)",
}


class Severity(enum.StrEnum):
    """How much a problem weighs: errors refuse the file, warnings do not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an input, placed as exactly as it is known."""

    code: str
    """Stable reference such as ``E307``; its first digit after the E names the family."""
    message: str
    hint: str | None = None
    """What to do about it; never only a repetition of the message."""
    file: str | None = None
    line: int | None = None
    """Counted from 1; a line ends at ``\\n`` and nowhere else."""
    column: int | None = None
    """Counted from 1, in characters (code points), not bytes."""
    path: str | None = None
    """The JSON field, for example ``body.messages[0].role``."""
    custom_id: str | None = None
    severity: Severity = Severity.ERROR
    first_line: int | None = None
    """The earlier line that this one repeats, for what has to be unique."""

    @property
    def place(self) -> str:
        """Give ``file:line:column`` as far as it is known, for editors to jump to."""
        parts = [str(part) for part in (self.file, self.line, self.column) if part is not None]
        return ":".join(parts)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule has against one request; whoever reads the file makes a `Problem` of it."""

    code: str
    message: str
    path: str = ""
    """The JSON field; empty for the whole line."""
    hint: str | None = None
    severity: Severity = Severity.ERROR


class BatchCliError(Exception):
    """Something went wrong."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL
    default_reference: ClassVar[str] = "E000"

    def __init__(
        self,
        message: str | None = None,
        *,
        where: tuple[str, ...] | str = (),
        hint: str | None = None,
        reference: str | None = None,
    ) -> None:
        """Take what happened, where and why (a line each), and the one thing to do about it."""
        self.message = message or (type(self).__doc__ or "").rstrip(".")
        self.where = (where,) if isinstance(where, str) else where
        self.hint = hint
        self.reference = reference or self.default_reference
        super().__init__(self.message)
        for line in (*self.where, *((f"fix: {hint}",) if hint else ())):
            self._note(line)

    def _note(self, line: str) -> None:
        """Add what a traceback of a script shows under the message; what terminals obey is spelled out."""
        self.add_note("".join(one if one.isprintable() else repr(one)[1:-1] for one in line))


class UsageError(BatchCliError):
    """The command was called in a way that cannot work."""

    exit_code = ExitCode.USAGE
    default_reference = "E607"


_NOTED = 5
"""Problems that a traceback shows."""


class InvalidInput(BatchCliError):
    """The input is not valid."""

    exit_code = ExitCode.INVALID_INPUT
    default_reference = "E300"

    def __init__(
        self,
        message: str | None = None,
        *,
        problems: tuple[Problem, ...] = (),
        total: int | None = None,
        where: tuple[str, ...] | str = (),
        hint: str | None = None,
        reference: str | None = None,
    ) -> None:
        """Take the first ``problems`` to show and the ``total`` that there are."""
        self.problems = problems
        self.total = len(problems) if total is None else total
        super().__init__(
            message,
            where=where,
            hint=hint,
            reference=reference or (problems[0].code if problems else None),
        )
        for problem in problems[:_NOTED]:
            self._note(f"{problem.place}: {problem.message}" if problem.place else problem.message)


class DamagedFile(InvalidInput):
    """A result file is cut or contradicts itself."""

    exit_code = ExitCode.DAMAGED
    default_reference = "E701"


class ConfigError(BatchCliError):
    """A key or a setting is missing or not usable."""

    exit_code = ExitCode.CONFIG
    default_reference = "E603"


class Rejected(BatchCliError):
    """The provider refused the request for good."""

    exit_code = ExitCode.REJECTED
    default_reference = "E610"


class Gone(Rejected):
    """What was asked for was there once, and is not any more."""

    default_reference = "E611"


class Temporary(BatchCliError):
    """The network or the provider failed in a way that passes."""

    exit_code = ExitCode.TEMPORARY
    default_reference = "E620"
    later: float | None = None
    """Seconds after which the provider wants to be asked again, where it says so."""


class NoRoom(Temporary):
    """The account has as much queued as it may have; nothing was started."""

    default_reference = "E622"


class OutcomeUnknown(BatchCliError):
    """A submit may or may not have started a batch; nothing was sent again."""

    exit_code = ExitCode.UNKNOWN
    default_reference = "E621"


class NotFinished(BatchCliError):
    """The batch has not finished yet."""

    exit_code = ExitCode.PENDING
    default_reference = "E802"


class StateError(BatchCliError):
    """What is on this machine does not allow this now."""

    exit_code = ExitCode.STATE
    default_reference = "E801"


class NothingUsable(BatchCliError):
    """The batch ended without one good answer."""

    exit_code = ExitCode.FAILED
    default_reference = "E803"


class DiskError(BatchCliError):
    """The local file system refused."""

    exit_code = ExitCode.IO
    default_reference = "E505"


class DamagedData(BatchCliError):
    """Result data is cut or contradicts itself."""

    exit_code = ExitCode.DAMAGED
    default_reference = "E701"


class Stopped(BatchCliError):
    """A signal asked to stop; nothing is lost."""

    default_reference = "E000"

    def __init__(self, message: str, *, signal_number: int, hint: str | None = None) -> None:
        """Take what was left behind, the signal, and how to go on."""
        self.signal_number = signal_number
        super().__init__(message, hint=hint)


_DISK_WORDS = {
    errno.ENOSPC: ("no space left", "free some space, then run the same command again"),
    errno.EDQUOT: ("disk quota exceeded", "free some space, then run the same command again"),
    errno.EFBIG: ("file too large for this file system", "write to another file system"),
    errno.EACCES: ("permission denied", "check the permissions of the file and its directory"),
    errno.EPERM: ("permission denied", "check the permissions of the file and its directory"),
    errno.EROFS: ("read-only file system", "choose a path on a writable file system"),
    errno.ENOENT: ("no such file or directory", "check the path; mkdir -p makes a directory"),
    errno.ENOTDIR: ("not a directory", "check the path"),
    errno.EISDIR: ("is a directory", "name a file, not a directory"),
    errno.ELOOP: ("too many symbolic links", "check the path"),
    errno.EIO: ("input/output error", "check the disk"),
    errno.EMFILE: ("too many open files", "raise the limit with 'ulimit -n'"),
    errno.ENFILE: ("too many open files on this machine", "close other programs"),
    errno.ENAMETOOLONG: ("file name too long", "use a shorter name"),
}


_DISK_REFERENCES = {
    errno.ENOENT: "E501",
    errno.ENOTDIR: "E501",
    errno.EISDIR: "E502",
    errno.EACCES: "E503",
    errno.EPERM: "E503",
    errno.EROFS: "E503",
}


FILES_ONLY = "this place takes files, no objects: name a file, and copy it from or to the bucket"
_ADDRESS = re.compile(r"(?:^|/)(?:s3|gs|az):/")


def was_address(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path looks as the address of an object does once it was taken for one."""
    return _ADDRESS.search(os.fspath(path)) is not None


def disk_error(error: OSError, path: str | os.PathLike[str], *, doing: str) -> DiskError:
    """Translate an ``OSError`` met while ``doing`` something ("writing") with ``path``."""
    words, hint = _DISK_WORDS.get(
        error.errno or 0, (error.strerror or type(error).__name__, "check the path and the disk")
    )
    if error.errno == errno.ENOENT and was_address(path):
        hint = FILES_ONLY
    reference = _DISK_REFERENCES.get(error.errno or 0)
    return DiskError(f"{words} while {doing} {quoted(os.fspath(path))}", hint=hint, reference=reference)


def quoted(name: str, limit: int = 64) -> str:
    """Put ``name`` in single quotes for a message, shortened in the middle to ``limit`` characters.

    Only the length is tamed here; whoever prints must still escape what terminals obey.
    """
    if len(name) > limit:
        half = (limit - 1) // 2
        name = f"{name[:half]}…{name[-half:]}"
    return f"'{name}'"


class ProblemLog:
    """Collects what is wrong with an input: counts everything, keeps the first few. Bounded memory."""

    def __init__(self, keep: int = 20, also: Callable[[Problem], None] | None = None) -> None:
        """Keep at most ``keep`` problems for showing; ``also`` is told of every one, shown or not."""
        self.keep = keep
        self.also = also
        self.kept: list[Problem] = []
        self.errors = 0
        self.warnings = 0

    def add(self, problem: Problem) -> None:
        """Count ``problem``, and keep it while there is room. An error takes the place of a warning."""
        if problem.severity is Severity.ERROR:
            self.errors += 1
        else:
            self.warnings += 1
        if self.also is not None:
            self.also(problem)
        if len(self.kept) < self.keep:
            self.kept.append(problem)
        elif problem.severity is Severity.ERROR and self.errors <= self.keep:
            last_warning = max(at for at, old in enumerate(self.kept) if old.severity is Severity.WARNING)
            del self.kept[last_warning]
            self.kept.append(problem)

    @property
    def has_room(self) -> bool:
        """Tell whether another error would be kept; if not, its exact place need not be looked for."""
        return self.errors < self.keep

    def refuse_errors(self, what: str) -> None:
        """Raise everything found so far if there is an error among it.

        Raises:
            InvalidInput: with the kept problems and the total; ``what`` names the input.
        """
        if self.errors:
            count = f"{self.errors:,} problem{'s' if self.errors > 1 else ''}"
            raise InvalidInput(f"{what} is not valid: {count}", problems=tuple(self.kept), total=self.errors)
