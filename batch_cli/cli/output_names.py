"""Names of outputs: told from ids of batches, judged before hours are spent on them, and turned into files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from batch_cli.cli.context import Context
from batch_cli.files import open_input
from batch_cli.jobs.results import refuse_output
from batch_cli.object_store import ObjectAddress, ObjectStore, is_object
from batch_cli.settings import state_directory

_ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".txt", ".parquet")
_BEGINNINGS = ("/", "./", "../")


def output_named(name: str | None) -> Path | None:
    """Give the output file that is meant where a batch may be meant as well; None: it is a batch.

    Raises:
        InvalidInput: the name can only be a file's, and there is no such file.
    """
    if name is None:
        return None
    path = Path(name)
    if not path.is_file():
        if not name.startswith(_BEGINNINGS) and not name.endswith(_ENDINGS):
            return None
        open_input(path).close()  # says what is wrong with it
    return path


def refuse_name(context: Context, output: str | None) -> None:
    """Refuse a file or an object for results that cannot become right; ``-`` and None always can.

    Raises:
        StateError: it holds something that is no results of ours.
        DiskError: the directory of a file is not there, or it is no regular file.
        ConfigError, Rejected, Temporary: the store of an object cannot be used.
    """
    if output is None or output == "-":
        return
    if is_object(output):
        from batch_cli.jobs.object_output import ObjectOutput  # noqa: PLC0415 - only for an object

        ObjectOutput(ObjectStore(context.environment), ObjectAddress.parse(output)).refuse()
    else:
        refuse_output(Path(output))


@contextmanager
def file_for(context: Context, output: str) -> Iterator[Path]:
    """Give where to write a file of requests; for an object, a file that becomes it when the block is left in peace.

    An object that is there is replaced, as a file is. What lies beside the file becomes an object beside it.

    Raises:
        StateError: another process on this machine writes the same object.
        ConfigError, Rejected, Temporary: the store of an object cannot be used.
    """
    if not is_object(output):
        yield Path(output)
        return
    from batch_cli.jobs.object_output import ObjectOutput  # noqa: PLC0415 - only for an object

    made = ObjectOutput(ObjectStore(context.environment), ObjectAddress.parse(output))
    with made.file(state_directory(context.environment, context.shared.state_dir)) as path:
        for left in path.parent.iterdir():  # by a run whose upload failed: this one may write less
            left.unlink()
        yield path
