"""Functions of the user's own code: importing one from a file, and saying in one line what it raised."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from batch_cli.errors import Stopped

_LONGEST = 300


class NotLoaded(Exception):
    """The function cannot be loaded; the text says why, for whoever runs it."""


def load_function(path: Path, name: str) -> Callable[[Any], Any]:
    """Import ``path`` and give its function ``name``.

    The file's directory comes first on the import path meanwhile, as for a script; what the code prints
    goes to standard error, because standard output is the server's one line.

    Raises:
        NotLoaded: no such file, the import raised (or called ``sys.exit``), or there is no such function.
    """
    try:
        with _importing_from(path.parent):
            module = _import_file(path)
    except BaseException as error:  # SystemExit included
        if is_signal(error):
            raise
        raise NotLoaded(f"importing the file failed: {raised(error)}") from error
    found = getattr(module, name, None)
    if not callable(found):
        raise NotLoaded(f"the file has no function '{name}'")
    return found  # type: ignore[no-any-return]  # callable is all that is known


def is_signal(error: BaseException) -> bool:
    """Tell whether somebody asked this process to stop while foreign code ran: only its main thread hears of that."""
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and isinstance(error, KeyboardInterrupt | Stopped)


def raised(error: BaseException) -> str:
    """Put an exception of foreign code into one line without a path: ``ValueError: what it says``."""
    try:
        text = (error.strerror or "") if isinstance(error, OSError) else str(error)
    except Exception:  # noqa: BLE001 - its __str__ is foreign code too
        text = ""
    line = " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
    kind = type(error).__name__
    return f"{kind}: {line[:_LONGEST]}" if line else kind


def _import_file(path: Path) -> object:
    # A name of our own: a file called json.py must not take the place of the standard library's.
    name = f"_batch_cli_model_{zlib.crc32(str(path.absolute()).encode('utf-8', 'surrogateescape')):08x}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _importing_from(directory: Path) -> Any:
    entry = str(directory.absolute())
    sys.path.insert(0, entry)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(entry)
