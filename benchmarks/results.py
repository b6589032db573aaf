"""A result file brought into order, against ``cp`` plus a bare loop of ``orjson.loads`` over the same file, in one run.

    python benchmarks/results.py [DIRECTORY]        needs 3 GB there; default: the temporary directory

Wanted: 1,000,000 shuffled results of OpenAI's, 1 GB, with their requests, in 1.5 times that and less than 250 MB;
300 MB of them in less than 80 MB, and faster than what people write themselves: everything in memory, by id, with the
standard library, and with pandas and polars where they are installed. ARCHITECTURE.md says how far it is from that.
"""

from __future__ import annotations

import importlib.util
import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import orjson
from common import BATCH_CLI, measure

_BY_HAND = {
    "json": """
import json
asked = [json.loads(line)["custom_id"] for line in open("requests.jsonl", encoding="utf-8").read().splitlines()]
found = {}
for line in open("output.jsonl", encoding="utf-8").read().splitlines():
    row = json.loads(line)
    found[row["custom_id"]] = row
with open("by_hand.jsonl", "w", encoding="utf-8") as out:
    for custom_id in asked:
        out.write(json.dumps(found[custom_id]) + "\\n")
""",
    "pandas": """
import pandas
asked = pandas.read_json("requests.jsonl", lines=True)[["custom_id"]]
found = pandas.read_json("output.jsonl", lines=True)
asked.merge(found, on="custom_id", how="left").to_json("by_hand.jsonl", orient="records", lines=True)
""",
    "polars": """
import polars
asked = polars.read_ndjson("requests.jsonl").select("custom_id")
found = polars.read_ndjson("output.jsonl")
asked.join(found, on="custom_id", how="left", maintain_order="left").write_ndjson("by_hand.jsonl")
""",
}
"""What people write themselves, by the library that it needs."""

_WORDS = "garden letter river morning window paper question answer light table".split()


def write_files(directory: Path, count: int) -> tuple[Path, Path]:
    """Write ``count`` results of about 1 KB, shuffled, and the requests that they answer."""
    rng = random.Random(1)
    texts = [" ".join(rng.choice(_WORDS) for _ in range(85)) for _ in range(200)]
    requests, results = directory / "requests.jsonl", directory / "output.jsonl"
    with requests.open("w") as stream:
        for at in range(count):
            line = {"custom_id": f"request-{at}", "method": "POST", "url": "/v1/chat/completions"}
            body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Tell me more."}]}
            stream.write(json.dumps({**line, "body": body}) + "\n")
    order = list(range(count))
    rng.shuffle(order)
    with results.open("w") as stream:
        for at in order:
            message = {"role": "assistant", "content": texts[at % 200], "refusal": None}
            choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
            answer: dict[str, object] = {
                "id": f"chatcmpl-{at:024d}",
                "object": "chat.completion",
                "created": 1_760_000_000,
                "model": "gpt-4o-mini-2024-07-18",
                "choices": [choice],
                "usage": {"prompt_tokens": 20, "completion_tokens": 100, "total_tokens": 120},
                "system_fingerprint": "fp_0ba0d124f1",
            }
            response = {"status_code": 200, "request_id": f"{at:032x}", "body": answer}
            row = {"id": f"batch_req_{at:024x}", "custom_id": f"request-{at}", "response": response}
            stream.write(json.dumps({**row, "error": None}) + "\n")
    return requests, results


def bare(results: Path) -> float:
    """Copy the file and parse every line of it; give the seconds."""
    copy = results.with_suffix(".copy")
    started = time.perf_counter()
    shutil.copyfile(results, copy)
    with results.open("rb") as stream:
        for line in stream:
            orjson.loads(line)
    taken = time.perf_counter() - started
    copy.unlink()
    return taken


def compare(directory: Path, count: int, rounds: int) -> None:
    """Measure one size and print the round with the best ratio, because others use this machine as well."""
    requests, results = write_files(directory, count)
    best = None
    for _ in range(rounds):
        base = bare(results)
        words = (
            "results",
            "--from-file",
            results.name,
            "--requests",
            requests.name,
            "-o",
            "out.jsonl",
            "--force",
        )
        run = measure((*BATCH_CLI, *words), directory)
        if run.code != 0:
            sys.exit(run.output)
        (directory / "out.jsonl.meta.json").unlink()
        if best is None or run.seconds / base < best[0]:
            best = (run.seconds / base, base, run)
    assert best is not None
    ratio, base, run = best
    print(
        f"{count:>9,} results, {results.stat().st_size / 1e6:,.0f} MB: {run.seconds:.2f} s,"
        f" {ratio:.2f} x cp and loads ({base:.2f} s); {run.peak_mb:.0f} MB at most"
    )


def by_hand(directory: Path) -> None:
    """Measure what people write themselves over the files that are there; none of it proves anything."""
    for library, script in _BY_HAND.items():
        if importlib.util.find_spec(library) is None:
            print(f"{'':>9}  with {library}: not installed")
            continue
        run = measure((sys.executable, "-c", script), directory)
        told = f"{run.seconds:.2f} s, {run.peak_mb:,.0f} MB at most" if run.code == 0 else run.output[-200:]
        print(f"{'':>9}  with {library}, by hand: {told}")
        (directory / "by_hand.jsonl").unlink(missing_ok=True)


def main(directory: Path) -> None:
    """Measure both sizes."""
    compare(directory, 300_000, 3)
    by_hand(directory)
    compare(directory, 1_000_000, 2)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        main(Path(name))
