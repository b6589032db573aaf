"""Requests of about 1 kB through the local engine: create, submit --wait, results.

    python benchmarks/throughput.py [--split N] [COUNT ...]        default: 50000 200000

Promised: at least 5,000 requests/s through submit --wait on two processors, less than 120 MB in every
process, and the same memory whatever the count. With ``--split N`` the same requests go through once more
as a job with N requests a batch.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from common import BATCH_CLI, measure, write_messages


def main(counts: list[int], split: int | None) -> None:
    """Print a row for each count and step."""
    print(f"{'requests':>9} {'step':<16} {'seconds':>8} {'requests/s':>11} {'peak MB':>8}")
    for count in counts:
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            write_messages(directory / "messages.jsonl", count)
            for step, words in steps(split).items():
                run = measure((*BATCH_CLI, *words.split()), directory)
                if run.code:
                    sys.exit(f"{step} ended with {run.code}: {run.output}")
                rate = count / run.seconds
                print(f"{count:>9,} {step:<16} {run.seconds:>8.2f} {rate:>11,.0f} {run.peak_mb:>8.0f}")
            size = (directory / "requests.jsonl").stat().st_size
            print(f"{'':>9} ({size / count:,.0f} bytes a request)")


def steps(split: int | None) -> dict[str, str]:
    """Give the commands to measure, by name, in their order."""
    whole = {
        "create": "create -i messages.jsonl -m local/simulate -r batch_cli.demo:User -o requests.jsonl",
        "submit --wait": "submit requests.jsonl -m local/simulate --wait",
        "results": "results -o results.jsonl",
    }
    if split is None:
        return whole
    return {
        **whole,
        "split: submit": f"submit requests.jsonl -m local/simulate --split-requests {split} --again --wait",
        "split: results": "results -o split.jsonl",
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--split", type=int)
    parser.add_argument("counts", type=int, nargs="*")
    arguments = parser.parse_args()
    main(arguments.counts or [50_000, 200_000], arguments.split)
