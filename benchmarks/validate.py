"""Checking request files against a bare loop of ``orjson.loads`` over their lines, side by side in one run.

    python benchmarks/validate.py [DIRECTORY]        needs 2 GB there; default: the temporary directory

Promised, as ratios to the loop: 4 KB lines 1.3 in one process and 1.0 on two processors, 330 B lines 2.0 and
1.2; less than 200 MB for a file of 1 GB with a million ids; 5,000 bad lines cost no more than twice.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson
from common import BATCH_CLI, measure, write_requests

from batch_cli.errors import ProblemLog
from batch_cli.halves import scan_halves
from batch_cli.jobs.check import rules_of
from batch_cli.model import Limits
from batch_cli.providers.openai import OpenAICodec
from batch_cli.request_file import scan

_ROUNDS = 5
_RULES = rules_of(OpenAICodec("OpenAI", Limits()))


def bare_loop(path: Path) -> None:
    """Parse every line and throw it away."""
    with path.open("rb") as stream:
        for line in stream:
            orjson.loads(line)


def one_process(path: Path) -> None:
    """Check every line in this process."""
    with path.open("rb") as stream:
        scan(stream, "f", _RULES, ProblemLog(), hashed=False)


def two_processes(path: Path) -> None:
    """Check on two processors."""
    if scan_halves(lambda: path.open("rb"), "f", _RULES, hashed=False) is None:
        sys.exit("the file was not taken in halves: two processors are needed")


def seconds(step: Callable[[Path], None], path: Path) -> float:
    """Time one call."""
    started = time.perf_counter()
    step(path)
    return time.perf_counter() - started


def ratios(path: Path, base: Callable[[Path], None], steps: tuple[Callable[[Path], None], ...]) -> None:
    """Print the median of each step's ratio to the base, measured right before it."""
    print(f"{path.name}: {path.stat().st_size / 1e6:,.0f} MB")
    for step in steps:
        pairs = [(seconds(base, path), seconds(step, path)) for _ in range(_ROUNDS)]
        ratio = statistics.median(taken / bare for bare, taken in pairs)
        print(
            f"  {step.__name__:<14} {statistics.median(t for _, t in pairs):6.2f} s  {ratio:5.2f} x the loop"
        )


def main(directory: Path) -> None:
    """Measure everything promised."""
    large = write_requests(directory / "4 KB", 50_000, 4_000)
    ratios(large, bare_loop, (one_process, two_processes))
    small = write_requests(directory / "330 B", 1_000_000, 330)
    ratios(small, bare_loop, (one_process, two_processes))
    small.unlink()

    bad = write_requests(directory / "bad.jsonl", 50_000, 4_000, bad=5_000)
    pairs = []
    for _ in range(_ROUNDS):
        times = []
        for path in (large, bad):
            run = measure((*BATCH_CLI, "validate", "--provider", "local", str(path)), directory)
            times.append(run.seconds)
        pairs.append(times[1] / times[0])
    print(
        f"5,000 bad lines of 50,000: {statistics.median(pairs):.2f} x the good file (the command as a whole)"
    )
    large.unlink()
    bad.unlink()

    huge = write_requests(directory / "huge.jsonl", 1_000_000, 1_000)
    run = measure((*BATCH_CLI, "validate", "--provider", "local", str(huge)), directory)
    size = huge.stat().st_size / 1e6
    print(f"{size:,.0f} MB, 1,000,000 ids: {run.seconds:.2f} s, {run.peak_mb:.0f} MB at most")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        main(Path(name))
