from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bucket import Bucket
from tests.support import ROOT, clean_environment, read_lines

BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/cluster.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_commands_of_the_page_run_in_its_order(tmp_path: Path) -> None:
    pytest.importorskip("obstore")
    pytest.importorskip("moto")
    command = tmp_path / "bin" / "batch-cli"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m batch_cli "$@"\n', encoding="utf-8")
    command.chmod(0o755)

    with Bucket(tmp_path) as bucket:
        environment = {**clean_environment(tmp_path), **bucket.environment, "BUCKET": "data"}
        environment["PATH"] = f"{command.parent}:{environment['PATH']}"
        done = subprocess.run(
            ["/bin/sh", "-eu"],
            input=_script(bucket),
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

        assert done.returncode == 0, done.stderr
        assert "already complete" in done.stderr
        assert bucket.get("answers.jsonl") is not None
    assert len(read_lines(tmp_path / "answers.jsonl")) == 2


def _script(bucket: Bucket) -> str:
    """Give the blocks, with the requests brought into the bucket after the first."""
    first, *others = BLOCKS
    assert shutil.which("curl")
    signed = "Authorization: AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/s3/aws4_request"
    upload = f'curl -sf -H "{signed}" -T requests.jsonl "{bucket.url}/data/requests.jsonl"\n'
    return "\n".join([first, upload, *others])
