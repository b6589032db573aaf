"""The life of a batch and the live methods, by whichever release of google-genai is installed: URL [VERSION]."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from google import genai

MODEL = "gemini-2.0-flash-001"
SCHEMA = {
    "type": "OBJECT",
    "properties": {"name": {"type": "STRING"}, "age": {"type": "INTEGER"}},
    "required": ["name", "age"],
}


def ended(client: Any, name: str) -> Any:
    end = time.monotonic() + 40
    while True:
        job = client.batches.get(name=name)
        if job.state.name in {
            "JOB_STATE_SUCCEEDED",
            "JOB_STATE_FAILED",
            "JOB_STATE_CANCELLED",
            "JOB_STATE_EXPIRED",
        }:
            return job
        assert time.monotonic() < end, job
        time.sleep(0.05)


def by_file(client: Any, directory: Path) -> None:
    source = directory / "requests.jsonl"
    lines = [
        {"key": f"k{n}", "request": {"contents": [{"parts": [{"text": f"Hello {n}"}]}]}} for n in range(5)
    ]
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    file = client.files.upload(
        file=str(source), config={"display_name": "requests", "mime_type": "application/jsonl"}
    )
    assert client.files.get(name=file.name).size_bytes == source.stat().st_size
    job = client.batches.create(model=MODEL, src=file.name, config={"display_name": "by file"})
    assert job.state.name in {"JOB_STATE_PENDING", "JOB_STATE_RUNNING"}, job
    job = ended(client, job.name)
    assert job.state.name == "JOB_STATE_SUCCEEDED", job
    rows = [json.loads(line) for line in client.files.download(file=job.dest.file_name).split(b"\n") if line]
    assert [row["key"] for row in rows] == [line["key"] for line in lines]
    assert all(row["response"]["candidates"][0]["finishReason"] == "STOP" for row in rows)
    assert job.name in [listed.name for listed in client.batches.list(config={"page_size": 2})]
    client.batches.delete(name=job.name)
    client.files.delete(name=file.name)


def by_inline(client: Any) -> None:
    requests = [
        {
            "contents": [{"parts": [{"text": text}], "role": "user"}],
            "config": {"response_mime_type": "application/json", "response_schema": SCHEMA},
        }
        for text in ("Bob is 42 years old", "Alice is 7 years old")
    ]
    job = ended(client, client.batches.create(model=MODEL, src=requests).name)
    said = [json.loads(each.response.text) for each in job.dest.inlined_responses]
    assert said == [{"name": "Bob", "age": 42}, {"name": "Alice", "age": 7}], said
    client.batches.cancel(name=job.name)
    assert client.batches.get(name=job.name).state.name == "JOB_STATE_SUCCEEDED"


def live(client: Any) -> None:
    whole = client.models.generate_content(model=MODEL, contents="Hello there").text
    streamed = client.models.generate_content_stream(model=MODEL, contents="Hello there")
    assert "".join(part.text for part in streamed) == whole
    assert client.models.count_tokens(model=MODEL, contents="Hello there").total_tokens > 0
    embedded = client.models.embed_content(
        model="gemini-embedding-001", contents=["a", "b"], config={"output_dimensionality": 3}
    )
    assert [len(each.values) for each in embedded.embeddings] == [3, 3]
    assert f"models/{MODEL}" in [model.name for model in client.models.list()]


def main(url: str, version: str = genai.__version__) -> None:
    assert genai.__version__ == version
    client = genai.Client(api_key="AIza-any", http_options={"base_url": url})
    with tempfile.TemporaryDirectory() as directory:
        by_file(client, Path(directory))
    by_inline(client)
    live(client)


if __name__ == "__main__":
    main(*sys.argv[1:])
