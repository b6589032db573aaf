"""A request file of 200 MB converted to every other provider's format, as whole commands.

    python benchmarks/convert.py

Promised: at least 150 MB/s from OpenAI to Anthropic.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from common import BATCH_CLI, measure, write_requests

_ROUNDS = 3


def main(directory: Path) -> None:
    """Print a row for each target."""
    path = write_requests(directory / "requests.jsonl", 50_000, 4_000)
    size = path.stat().st_size / 1e6
    print(f"{'to':<12} {'seconds':>8} {'MB/s':>6} {'peak MB':>8}")
    for target in ("anthropic", "google", "mistral", "messages"):
        words = (*BATCH_CLI, "convert", str(path), "--to", target, "-o", str(directory / "out.jsonl"))
        runs = [measure(words, directory) for _ in range(_ROUNDS)]
        if any(run.code for run in runs):
            sys.exit(f"convert --to {target} failed: {runs[0].output}")
        seconds = statistics.median(run.seconds for run in runs)
        print(f"{target:<12} {seconds:>8.2f} {size / seconds:>6.0f} {max(run.peak_mb for run in runs):>8.0f}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        main(Path(name))
