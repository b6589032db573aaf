"""The official JavaScript clients take the server for the real thing: a script for each in ``npm/``.

A further client: its exact version in ``npm/package.json``, a script beside it, and a line in ``CLIENTS``.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.serving import ServerProcess

SOURCE = Path(__file__).parent / "npm"
CLIENTS = [
    ("openai.mjs", "openai"),
    ("openai.mjs", "openai-6"),
    ("anthropic.mjs", "@anthropic-ai/sdk"),
    ("google.mjs", "@google/genai"),
]
"""A script, and the name in ``package.json`` of the client that it is to use."""
INSTALL = "npm install --ignore-scripts --no-audit --no-fund --no-package-lock --fetch-retries=1".split()


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory with the scripts and the clients, which is made once."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs node and npm")
    directory = tmp_path_factory.mktemp("npm")
    shutil.copytree(SOURCE, directory, dirs_exist_ok=True)
    try:
        done = subprocess.run(
            INSTALL, cwd=directory, capture_output=True, text=True, timeout=240, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm installed nothing within 240 s")
    if done.returncode:
        reason = next((line for line in done.stderr.split("\n") if "npm error" in line), "no reason given")
        pytest.skip(f"npm cannot install the clients: {reason}")
    return directory


@pytest.mark.parametrize(("script", "package"), CLIENTS)
def test_the_official_client_lives_through_everything(
    clients: Path, tmp_path: Path, script: str, package: str
) -> None:
    with ServerProcess(tmp_path) as running:
        done = subprocess.run(
            ["node", str(clients / script), running.url, package],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert done.returncode == 0, done.stderr[-2000:]
