"""Fixtures of the contract of providers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.grounds import GROUNDS, Runner, Servers


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    running = Servers(tmp_path_factory.mktemp)
    yield running
    running.stop()


@pytest.fixture(params=GROUNDS, ids=lambda ground: ground.name + ground.case)
def runner(request: pytest.FixtureRequest, servers: Servers, tmp_path: Path) -> Iterator[Runner]:
    if request.param.package:
        pytest.importorskip(request.param.package)
    running = Runner(request.param, servers, tmp_path)
    yield running
    running.close()
