"""Fixtures: models of a user's own, and servers with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from batch_cli.serve.prediction import Models, routes
from tests.serve.prediction.running import running

USER_CODE = """
import threading

calls = []
never = threading.Event()

def double(value):
    calls.append(value)
    return [2 * number for number in value] if isinstance(value, list) else 2 * value

def count(value):
    calls.append(value)
    return len(calls)

def picky(value):
    if value == 3:
        raise ValueError("three\\nis refused")
    return value

def leaves(value):
    raise SystemExit("leaving")

def opens(value):
    return open("/no/such/place/secret.csv")

def table(value):
    return {"x": [1.0]}

def words(value):
    return ["not", "numbers"]

def hangs(value):
    never.wait()

def large(value):
    return [0.1, 1e300, float("inf"), None, 10**400, 16777217]
"""
WORDS = ["double", "count", "picky", "leaves", "opens", "table", "words", "hangs", "large"]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models")
    (path / "mine.py").write_text(USER_CODE)
    (path / "broken.py").write_text("import sys\nsys.exit('no')\n")
    return path


@pytest.fixture(scope="module")
def models(directory: Path) -> Models:
    return Models.load([f"mine.py:{word}" for word in WORDS] + ["a/b c=mine.py:double"], directory)


@pytest.fixture(scope="module")
def server(models: Models) -> Iterator[httpx.Client]:
    """Give a client of a server that follows the documentation."""
    with running([*routes(models, with_list=True, max_body=10_000)]) as client:
        yield client


@pytest.fixture(scope="module")
def old_server(models: Models) -> Iterator[httpx.Client]:
    """Give a client of a server that sends what the old servers sent."""
    with running([*routes(models, with_list=True, old_shapes=True, max_body=10_000)]) as client:
        yield client


@pytest.fixture(scope="module")
def engineless(directory: Path) -> Iterator[httpx.Client]:
    """Give a client of a server whose example model could not be loaded."""
    models = Models.load(["example=broken.py:f"], directory)
    with running([*routes(models, with_list=True)]) as client:
        yield client
