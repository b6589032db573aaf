"""Names of outputs: told from ids of batches, and judged before hours are spent on what is to be written there."""

from __future__ import annotations

from pathlib import Path

from batch_cli.cli.context import Context
from batch_cli.files import open_input
from batch_cli.jobs.results import refuse_output
from batch_cli.object_store import ObjectAddress, ObjectStore, is_object

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
