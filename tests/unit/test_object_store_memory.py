from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.bucket import Bucket
from tests.support import clean_environment

pytest.importorskip("obstore")
pytest.importorskip("moto")

MEGABYTE = 1 << 20
SIZE = 200 * MEGABYTE
SCRIPT = """
import os, resource, sys
from pathlib import Path
from batch_cli.object_store import ObjectAddress, ObjectStore

store, address = ObjectStore(os.environ), ObjectAddress("s3", "data", "large")
small, large = Path("small"), Path("large")
store.write(address, small)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
store.write(address, large)
with open("back", "wb") as sink:
    assert store.read(address, sink).size == large.stat().st_size
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.soak
def test_an_object_of_200_megabytes_goes_and_comes_in_less_than_80(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"x")
    with (tmp_path / "large").open("wb") as large:
        large.truncate(SIZE)

    with Bucket(tmp_path) as bucket:
        environment = {**clean_environment(tmp_path), **bucket.environment}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], cwd=tmp_path, env=environment, capture_output=True, check=True
        )

    assert int(done.stdout) < 80
    assert (tmp_path / "back").stat().st_size == SIZE
