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
    from batch_cli.api.client import Client, create_client, generate_batch_response
    from batch_cli.errors import (
        BatchCliError,
        ConfigError,
        DamagedData,
        DamagedFile,
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
    from batch_cli.prompts.failure import PromptError
    from batch_cli.token_usage import Tokens

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
    "Client",
    "ConfigError",
    "DamagedData",
    "DamagedFile",
    "DiskError",
    "Gone",
    "InvalidInput",
    "NoRoom",
    "NotFinished",
    "OutcomeUnknown",
    "PromptError",
    "Rejected",
    "StateError",
    "Stopped",
    "Surroundings",
    "Temporary",
    "Tokens",
    "UsageError",
    "cancel_batch",
    "create_client",
    "extract_results",
    "filter_errors",
    "filter_successful",
    "generate_batch_response",
    "get_batch",
    "get_batch_results",
    "get_results_by_custom_id",
    "submit_batch",
]

_LIVE = {
    "Client": "batch_cli.api.client",
    "create_client": "batch_cli.api.client",
    "generate_batch_response": "batch_cli.api.client",
    "PromptError": "batch_cli.prompts.failure",
    "Tokens": "batch_cli.token_usage",
}
"""Where the names are that are not loaded for others; those are errors, or in `batch_cli.api`."""

if not TYPE_CHECKING:  # a type checker would let every name pass

    def __getattr__(name: str) -> object:
        """Load what scripts import, so that the command's start pays for none of it."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib  # noqa: PLC0415 - see above

        errors = importlib.import_module("batch_cli.errors")
        if hasattr(errors, name):
            return getattr(errors, name)
        return getattr(importlib.import_module(_LIVE.get(name, "batch_cli.api")), name)
