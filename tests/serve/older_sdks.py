"""Older majors of the official clients: each in a virtual environment of its own, made from the package registry.

Two majors of a client cannot be installed side by side, so a script is run by an interpreter that has the older one.
"""

from __future__ import annotations

import os
import subprocess
import venv
from pathlib import Path
from typing import NamedTuple

import pytest

SCRIPTS = Path(__file__).parent / "sdk_scripts"
_INSTALLING = 300
_RUNNING = 120


class OldSdk(NamedTuple):
    """A release of a client, and the script that drives a server with it."""

    package: str
    version: str
    script: str
    """A file in ``sdk_scripts`` that is given the server's URL and ends with 0 if all was right."""


def install(sdk: OldSdk, directory: Path) -> Path:
    """Give an interpreter that has the client; skips the test, with the reason, where it cannot be installed."""
    home = directory / f"{sdk.package}-{sdk.version}"
    try:
        venv.create(home, with_pip=True)
        python = home / "bin" / "python"
        words = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            f"{sdk.package}=={sdk.version}",
        ]
        done = subprocess.run(words, capture_output=True, text=True, timeout=_INSTALLING, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"{sdk.package} {sdk.version} cannot be installed: {error}")
    if done.returncode:  # no network, or a Python that is too new for it
        reason = (done.stderr.strip().splitlines() or ["pip says nothing"])[-1]
        pytest.skip(f"{sdk.package} {sdk.version} cannot be installed: {reason}")
    return python


def run(sdk: OldSdk, python: Path, url: str) -> None:
    """Let the script of a client drive the server at ``url``."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(python.parents[1])}
    done = subprocess.run(
        [python, "-W", "error", "-X", "utf8", SCRIPTS / sdk.script, url, sdk.version],
        env=environment,
        capture_output=True,
        text=True,
        timeout=_RUNNING,
        check=False,
    )
    assert done.returncode == 0, f"{sdk.package} {sdk.version}:\n{done.stdout}{done.stderr}"
