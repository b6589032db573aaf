"""Older majors of the official clients, from the package registry, each in a directory that comes first on the path.

Two majors of a client cannot be installed side by side, so a script is run by an interpreter of its own. Only the
client itself is fetched: what it needs is what the newer one beside it needs, and an environment of its own would
take half a minute for each.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

SCRIPTS = Path(__file__).parent / "sdk_scripts"
INSTALL = (
    sys.executable,
    *"-m pip install --quiet --no-input --no-compile --no-deps --disable-pip-version-check".split(),
)
_INSTALLING = 120
_RUNNING = 120


class OldSdk(NamedTuple):
    """A release of a client, and the script that drives a server with it."""

    package: str
    version: str
    script: str
    """A file in ``sdk_scripts`` that is given the server's URL and ends with 0 if all was right."""


def install(sdk: OldSdk, directory: Path) -> None:
    """Put the client into a directory; skips the test, with the reason, where it cannot be had."""
    words = [*INSTALL, "--target", str(directory), f"{sdk.package}=={sdk.version}"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_INSTALLING, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{sdk.package} {sdk.version} cannot be installed within {_INSTALLING} s")
    if done.returncode:  # no network, or a Python that is too new for it
        reason = (done.stderr.strip().splitlines() or ["pip says nothing"])[-1]
        pytest.skip(f"{sdk.package} {sdk.version} cannot be installed: {reason}")


def run(sdk: OldSdk, directory: Path, url: str) -> None:
    """Let the script of a client that was installed in ``directory`` drive the server at ``url``."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(directory),
        "PYTHONPATH": str(directory),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "utf8", SCRIPTS / sdk.script, url, sdk.version],
        env=environment,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=_RUNNING,
        check=False,
    )
    assert done.returncode == 0, f"{sdk.package} {sdk.version}:\n{done.stdout}{done.stderr}"
