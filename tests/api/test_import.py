"""What `import batch_cli` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import batch_cli
from tests.support import ROOT


def modules_after(program: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; import sys; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_but_itself() -> None:
    assert {name for name in modules_after("import batch_cli") if name.startswith("batch_cli")} == {
        "batch_cli"
    }


def test_an_error_class_loads_no_batches() -> None:
    loaded = modules_after("from batch_cli import BatchCliError")

    assert "batch_cli.errors" in loaded
    assert not loaded & {"batch_cli.jobs", "pydantic", "sqlite3"}


def test_the_interface_loads_no_command_line_and_no_client() -> None:
    loaded = modules_after("from batch_cli import BatchProcessor")

    assert not loaded & {"typer", "rich", "httpcore2", "asyncio", "aiohttp", "jsonschema", "batch_cli.cli"}


def test_a_client_is_loaded_without_what_sends() -> None:
    assert "aiohttp" not in modules_after("from batch_cli import create_client, PromptError")


def test_every_name_that_is_listed_is_there() -> None:
    for name in batch_cli.__all__:
        assert getattr(batch_cli, name).__name__ == name or name == "BatchResult"
    assert sorted(batch_cli.__all__) == batch_cli.__all__


def test_a_name_that_is_not_listed_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'batch_cli' has no attribute 'BatchJob'"):
        batch_cli.BatchJob  # type: ignore[attr-defined]  # noqa: B018 - what is tested
    with pytest.raises(ImportError):
        from batch_cli import Nothing  # type: ignore[attr-defined]  # noqa: F401 - what is tested
