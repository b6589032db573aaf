"""Files of model requests in, files of answers out: the library behind the ``batch-cli`` command.

What scripts import is listed in ``__all__``, and loaded when it is asked for; docs/python.md shows how it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batch_cli.api import (
        BatchError,
        BatchErrorInfo,
        BatchFiles,
        BatchJobInfo,
        BatchProcessor,
        BatchRequestCounts,
        BatchResult,
        BatchStatus,
        BatchStatusInfo,
        BatchSuccess,
        BatchTimestamps,
        Surroundings,
        cancel_batch,
        extract_results,
        filter_errors,
        filter_successful,
        get_batch,
        get_batch_results,
        get_results_by_custom_id,
        submit_batch,
    )
    from batch_cli.errors import (
        BatchCliError,
        ConfigError,
        DamagedData,
        DiskError,
        Gone,
        InvalidInput,
        NoRoom,
        NotFinished,
        OutcomeUnknown,
        Rejected,
        StateError,
        Stopped,
        Temporary,
        UsageError,
    )

__version__ = "0.1.0"
__all__ = [
    "BatchCliError",
    "BatchError",
    "BatchErrorInfo",
    "BatchFiles",
    "BatchJobInfo",
    "BatchProcessor",
    "BatchRequestCounts",
    "BatchResult",
    "BatchStatus",
    "BatchStatusInfo",
    "BatchSuccess",
    "BatchTimestamps",
    "ConfigError",
    "DamagedData",
    "DiskError",
    "Gone",
    "InvalidInput",
    "NoRoom",
    "NotFinished",
    "OutcomeUnknown",
    "Rejected",
    "StateError",
    "Stopped",
    "Surroundings",
    "Temporary",
    "UsageError",
    "cancel_batch",
    "extract_results",
    "filter_errors",
    "filter_successful",
    "get_batch",
    "get_batch_results",
    "get_results_by_custom_id",
    "submit_batch",
]

if not TYPE_CHECKING:  # a type checker would let every name pass

    def __getattr__(name: str) -> object:
        """Load what scripts import, so that the command's start pays for none of it."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from batch_cli import errors  # noqa: PLC0415 - see above

        if hasattr(errors, name):
            return getattr(errors, name)
        from batch_cli import api  # noqa: PLC0415 - see above

        return getattr(api, name)
