"""300 MB of OpenAI's results, shuffled, fetched by the command lines that people use for it today, and by this one, in one run.

    python -m venv peers
    peers/bin/pip install instructor==1.17.0 batch-openai==0.4.0 openai-batch==0.3.4 tqdm httpx
    python benchmarks/peers.py peers/bin [--rows N]       default: 50,000 rows of some 6,000 bytes

All ask the same server, a process of its own that does nothing but move bytes. What the others write is the file as it
came, in the provider's order, with nothing checked; here every row is proven, in the order of its request, and the
output has a manifest. `--format raw` is nearer to what they do: the provider's own lines, in order, checked as well.
Promised: less than 80 MB, and faster than each of them. ARCHITECTURE.md says what came of it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from common import BATCH_CLI, Run, measure, write_requests
from transfers import median, serve, write_results

_ROW_BYTES = 6_300


def peers(programs: Path, url: str) -> dict[str, tuple[str, ...]]:
    """Give the command line of each peer that saves the results of a batch to ``theirs.jsonl``."""
    python, instructor, batch_openai = (
        str(programs / name) for name in ("python", "instructor", "batch-openai")
    )
    at = ("--base-url", f"{url}/v1", "--api-key", "sk-benchmark")
    resumed = (python, "-m", "openai_batch.run", "--resume", "batch_1", *at)
    return {
        "instructor 1.17.0": (
            *(instructor, "batch", "results"),
            *("--batch-id", "batch_1", "--output-file", "theirs.jsonl"),
        ),
        "batch-openai 0.4.0": (batch_openai, "download", "batch_1", "--output", "theirs.jsonl"),
        "openai-batch 0.3.4": (*resumed, "--output-file", "theirs.jsonl"),
    }


def compare(directory: Path, programs: Path, rows: int) -> None:
    """Measure everything three times and print the medians."""
    write_results(directory / "results", rows, _ROW_BYTES, shuffled=True)
    write_requests(directory / "asked.jsonl", rows, 300)
    expected = (directory / "results").stat().st_size
    server, url = serve(directory)
    os.environ.update(OPENAI_API_KEY="sk-benchmark", OPENAI_BASE_URL=f"{url}/v1")

    def theirs(words: tuple[str, ...]) -> list[Run]:
        saved = directory / "theirs.jsonl"
        saved.unlink(missing_ok=True)
        run = measure(words, directory)
        if not saved.exists() or saved.stat().st_size != expected:
            sys.exit(f"{words[0]} did not save the results: {run.output}")
        return [run]

    def ours(form: str) -> list[Run]:
        for before in directory.glob("ours.jsonl*"):  # a complete output is recognised, and not fetched again
            before.unlink()
        words = ("results", "-o", "ours.jsonl", "--format", form)
        return [measure((*BATCH_CLI, *words), directory)]

    try:
        submit = (*BATCH_CLI, "submit", "asked.jsonl", "-m", "openai/gpt-4o-mini", "--again")
        if (done := measure(submit, directory)).code:
            sys.exit(done.output)
        print(f"{rows:,} results, {expected / 1e6:,.0f} MB")
        for name, words in peers(programs, url).items():
            tell(name, *median(lambda words=words: theirs(words)))  # type: ignore[misc]  # a lambda has no types
        tell("batch-cli results", *median(lambda: ours("lines")))
        tell("batch-cli results --format raw", *median(lambda: ours("raw")))
    finally:
        server.kill()


def tell(what: str, seconds: float, peak_mb: float) -> None:
    """Print one line."""
    print(f"{what:<34} {seconds:>7.2f} s {peak_mb:>7,.0f} MB at most", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=Path, help="the bin directory where the peers are installed")
    parser.add_argument("--rows", type=int, default=50_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        compare(Path(name), given.programs.resolve(), given.rows)
