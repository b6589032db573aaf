"""Requests of about 1 kB through the local engine: create, submit --wait, results.

    python benchmarks/throughput.py [COUNT ...]        default: 50000 200000

Promised: at least 5,000 requests/s through submit --wait on two processors, less than 120 MB in every
process, and the same memory whatever the count.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from common import BATCH_CLI, measure, write_messages


def main(counts: list[int]) -> None:
    """Print a row for each count and step."""
    print(f"{'requests':>9} {'step':<16} {'seconds':>8} {'requests/s':>11} {'peak MB':>8}")
    for count in counts:
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            write_messages(directory / "messages.jsonl", count)
            steps = {
                "create": "create -i messages.jsonl -m local/simulate -r batch_cli.demo:User -o requests.jsonl",
                "submit --wait": "submit requests.jsonl -m local/simulate --wait",
                "results": "results -o results.jsonl",
            }
            for step, words in steps.items():
                run = measure((*BATCH_CLI, *words.split()), directory)
                if run.code:
                    sys.exit(f"{step} ended with {run.code}: {run.output}")
                rate = count / run.seconds
                print(f"{count:>9,} {step:<16} {run.seconds:>8.2f} {rate:>11,.0f} {run.peak_mb:>8.0f}")
            size = (directory / "requests.jsonl").stat().st_size
            print(f"{'':>9} ({size / count:,.0f} bytes a request)")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [50_000, 200_000])
