"""Files that are never seen half-written, and locks that no crash can leave behind.

A name that people and scripts read is only ever given to a file that is complete and on disk:
write to another name, fsync, rename, fsync the directory.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

from batch_cli.errors import FILES_ONLY, DiskError, InvalidInput, StateError, disk_error, quoted, was_address

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_NEW_FILE = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_FSYNC_UNSUPPORTED = (errno.EINVAL, errno.ENOTSUP)


def resolve_output(path: Path) -> Path:
    """Follow ``path`` to the file that will be replaced, so that a symbolic link stays a link.

    Raises:
        DiskError: it is something that cannot be replaced by a file: a directory, a device, a pipe.
    """
    try:
        target = path.resolve()
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target
    except OSError as error:
        raise disk_error(error, path, doing="opening") from error
    if stat.S_ISDIR(mode):
        raise DiskError(
            f"cannot write to {quoted(str(path))}: it is a directory",
            hint="name a file in it",
            reference="E502",
        )
    if not stat.S_ISREG(mode):
        raise DiskError(
            f"cannot write to {quoted(str(path))}: it is not a regular file",
            hint="name a file; use '-' for standard output",
        )
    return target


def open_input(path: Path) -> BinaryIO:
    """Open a user's file for reading, unbuffered surprises excluded: it must be a regular file.

    Raises:
        InvalidInput: no such file (E501), a directory (E502), no permission (E503), not regular (E504).
    """
    try:
        # O_NONBLOCK: opening a FIFO must not hang; regular files do not care.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise InvalidInput(
            f"no such file: {quoted(str(path))}", hint=_closest(path), reference="E501"
        ) from error
    except PermissionError as error:
        raise InvalidInput(
            f"permission denied: {quoted(str(path))}",
            hint=f"chmod u+r {path}",
            reference="E503",
        ) from error
    except OSError as error:
        raise disk_error(error, path, doing="opening") from error
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb", buffering=1 << 20)
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise InvalidInput(f"{quoted(str(path))} is a directory", hint="name a file in it", reference="E502")
    raise InvalidInput(
        f"{quoted(str(path))} is not a regular file",
        hint="use '-' to read standard input",
        reference="E504",
    )


def _closest(path: Path) -> str:
    """Suggest the file in the same directory that the name was probably meant to be."""
    if was_address(path):
        return FILES_ONLY
    import difflib  # noqa: PLC0415 - only for an error message

    with contextlib.suppress(OSError):
        names = [entry.name for entry in os.scandir(path.parent) if entry.is_file()]
        if match := difflib.get_close_matches(path.name, names, n=1):
            return f"did you mean {quoted(str(path.with_name(match[0])))}?"
    return f"check the name; it was looked for in {quoted(str(path.absolute().parent))}"


class _View(io.RawIOBase):
    """A file that is open already, read from a place of its own."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor, self._at = descriptor, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def readinto(self, buffer: WriteableBuffer) -> int:
        count = os.preadv(self._descriptor, [buffer], self._at)
        self._at += count
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: os.fstat(self._descriptor).st_size}
        self._at = base[whence] + offset
        return self._at


def reopened(descriptor: int) -> BinaryIO:
    """Give a file without a name once more, at its start; any number of readers, who do not move each other.

    Closing what is given leaves the descriptor open.
    """
    return io.BufferedReader(_View(descriptor), 1 << 20)


def write_all(descriptor: int, data: bytes | bytearray) -> None:
    """Write every byte of ``data``, however short the single writes are."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def fsync(descriptor: int) -> None:
    """Wait until what was written is on disk. A failure is final: the pages may be gone."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _FSYNC_UNSUPPORTED:  # some mounts cannot; nothing more can be done there
            raise


def fsync_directory(directory: Path) -> None:
    """Make a rename in ``directory`` survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Replace the small file ``path`` by ``data`` in one step that survives kill and power cut.

    ``mode`` None keeps the mode of the file that is replaced, or follows the umask for a new one.

    Raises:
        DiskError: it could not be written; the old content is untouched.
    """
    target = resolve_output(path)
    temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}.tmp")
    try:
        descriptor = os.open(temporary, _NEW_FILE | os.O_EXCL, 0o600)
        try:
            os.fchmod(descriptor, _wanted_mode(target) if mode is None else mode)
            write_all(descriptor, data)
            fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(target)
        fsync_directory(target.parent)
    except OSError as error:
        raise disk_error(error, path, doing="writing") from error
    finally:  # also when a signal stops it half way
        with contextlib.suppress(OSError):
            temporary.unlink()


def _wanted_mode(target: Path) -> int:
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except OSError:
        mask = os.umask(0o077)
        os.umask(mask)
        return 0o666 & ~mask


class PartFile:
    """``FILE.part``: a stream being written in sight of the user, which becomes ``FILE`` when complete.

    Holding it locks the name: a second writer of the same ``FILE`` gets a `StateError` at once, and a
    killed writer leaves no lock behind. A part left by a killed run is overwritten from its start.
    """

    def __init__(self, path: Path, *, keep_trying: Callable[[], bool] = lambda: False) -> None:
        """Lock and empty ``path.part``; ``keep_trying`` is asked whether to go on while it is locked.

        Raises:
            StateError: another process is writing the same file.
            DiskError: it cannot be created.
        """
        self.target = resolve_output(path)
        self.part = self.target.with_name(self.target.name + ".part")
        self.written = 0
        """Bytes so far; the offset of the next write."""
        try:
            self._descriptor = self._lock(keep_trying)
            os.ftruncate(self._descriptor, 0)
        except OSError as error:
            raise disk_error(error, self.part, doing="creating") from error
        self._pieces: list[bytes] = []
        self._gathered = 0

    def _lock(self, keep_trying: Callable[[], bool]) -> int:
        while True:
            descriptor = os.open(self.part, _NEW_FILE, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                if keep_trying():
                    continue
                raise StateError(
                    f"another batch-cli is writing {quoted(str(self.target))}",
                    hint="wait, or use --lock-timeout 60",
                ) from None
            with contextlib.suppress(FileNotFoundError):
                if self.part.stat().st_ino == os.fstat(descriptor).st_ino:
                    return descriptor
            os.close(descriptor)  # renamed away between open and lock: it is somebody's finished file

    def __enter__(self) -> Self:
        """Give the file itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the part unless it was committed."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                self.part.unlink()
            os.close(self._descriptor)
            self._descriptor = -1

    def write(self, data: bytes) -> None:
        """Append ``data``; small writes are gathered into large ones."""
        self._pieces.append(data)
        self.written += len(data)
        self._gathered += len(data)
        if self._gathered >= 1 << 20:
            self.flush()

    def flush(self) -> None:
        """Bring what was written into ``part``, for whoever reads it before it is committed."""
        try:
            write_all(self._descriptor, b"".join(self._pieces))
        except OSError as error:
            raise disk_error(error, self.part, doing="writing") from error
        self._pieces.clear()
        self._gathered = 0

    def commit(self) -> None:
        """Put the content on disk and give it its final name, in this order.

        Raises:
            DiskError: it could not be written; an older ``FILE`` is untouched.
        """
        self.flush()
        try:
            os.fchmod(self._descriptor, _wanted_mode(self.target))
            fsync(self._descriptor)
            self.part.replace(self.target)
            fsync_directory(self.target.parent)
        except OSError as error:
            raise disk_error(error, self.target, doing="writing") from error
        os.close(self._descriptor)
        self._descriptor = -1


def try_lock(path: Path) -> int | None:
    """Take the exclusive lock of ``path``, or give None when another process holds it.

    The descriptor is the lock: it is free again when it is closed, by hand or by the kernel at any
    death of the process. The file itself is never deleted by its holder.
    """
    try:
        descriptor = os.open(path, _NEW_FILE, 0o600)
    except OSError as error:
        raise disk_error(error, path, doing="locking") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextlib.contextmanager
def held(descriptor: int) -> Iterator[int]:
    """Keep a lock from `try_lock` for the length of a block."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def private_directory(path: Path) -> Path:
    """Make ``path`` a directory that only its owner can read, parents included, and give it back.

    Raises:
        DiskError: it cannot be created, belongs to somebody else, or others may write in it.
    """
    try:
        missing = [path, *path.parents]
        while missing and missing[-1].exists():
            missing.pop()
        for directory in reversed(missing):  # `parents=True` would leave the parents open to others
            directory.mkdir(mode=0o700, exist_ok=True)
        facts = path.stat()
    except OSError as error:
        raise disk_error(error, path, doing="creating the state directory") from error
    if facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
        raise DiskError(
            f"the state directory {quoted(str(path))} could be changed by somebody else",
            hint=f"chmod 700 {path}, or choose another one with --state-dir DIR",
        )
    return path
