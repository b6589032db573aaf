from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.bucket import Bucket
from tests.serving import wait_until
from tests.support import clean_environment

pytest.importorskip("obstore")
pytest.importorskip("moto")

SIZE = 96 << 20
SCRIPT = """
import os
from pathlib import Path
from batch_cli.object_store import ObjectAddress, ObjectStore

ObjectStore(os.environ).write(ObjectAddress("s3", "data", "large"), Path("large"))
"""


def test_an_upload_that_is_killed_leaves_no_object_and_can_be_done_again(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as large:
        large.truncate(SIZE)

    with Bucket(tmp_path) as bucket:
        environment = {**clean_environment(tmp_path), **bucket.environment}
        words = [sys.executable, "-c", SCRIPT]
        with subprocess.Popen(words, cwd=tmp_path, env=environment) as process:
            wait_until(bucket.uploads)
            process.kill()
        assert bucket.get("large") is None

        subprocess.run(words, cwd=tmp_path, env=environment, check=True)

        assert len(bucket.get("large") or b"") == SIZE
