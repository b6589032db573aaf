"""What the tests of the Gemini wire share: the official client, requests for it, and uploads by hand."""

from __future__ import annotations

import json
from typing import Any

import httpx
from google import genai
from google.genai import types

from tests.serving import ServerProcess, wait_until

MODEL = "gemini-2.0-flash-001"
KEY = {"x-goog-api-key": "AIza-test"}
TERMINAL = {"SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"}


def connect(server: ServerProcess, *, key: str = "AIza-test", version: str | None = None) -> Any:
    """Give the official client; untyped, because its types say less than they promise."""
    options = types.HttpOptions(base_url=server.url, api_version=version)
    return genai.Client(api_key=key, http_options=options)


def http(server: ServerProcess, **options: Any) -> httpx.Client:
    return httpx.Client(base_url=server.url, headers={**KEY, **options.pop("headers", {})}, timeout=30)


def line(key: str, text: str = "Hi", **request: Any) -> dict[str, Any]:
    """Give a line of a request file."""
    return {"key": key, "request": {"contents": [{"parts": [{"text": text}]}], **request}}


def jsonl(*lines: Any) -> bytes:
    return "".join(json.dumps(each) + "\n" for each in lines).encode()


def begin(on: httpx.Client, size: int | None = None, version: str = "v1", **file: Any) -> str:
    """Begin a resumable upload; give where its bytes go."""
    headers = {"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"}
    if size is not None:
        headers["x-goog-upload-header-content-length"] = str(size)
    answer = on.post(f"/upload/{version}/files", headers=headers, json={"file": file})
    assert answer.status_code == 200, answer.text
    return answer.headers["x-goog-upload-url"]


def send(url: str, command: str, data: bytes = b"", offset: int | None = None) -> httpx.Response:
    """Send one request of an upload, as clients do: without a key."""
    headers = {"x-goog-upload-command": command}
    if offset is not None:
        headers["x-goog-upload-offset"] = str(offset)
    return httpx.post(url, headers=headers, content=data, timeout=30)


def upload(on: httpx.Client, data: bytes, **file: Any) -> str:
    """Store a file; give its name."""
    answer = send(begin(on, len(data), **file), "upload, finalize", data, 0)
    assert answer.status_code == 200, answer.text
    name: str = answer.json()["file"]["name"]
    return name


def create(on: httpx.Client, config: Any, version: str = "v1", method: str = "batchGenerateContent") -> Any:
    """Create a batch; give its operation."""
    answer = on.post(f"/{version}/models/{MODEL}:{method}", json={"batch": {"inputConfig": config}})
    assert answer.status_code == 200, answer.text
    return answer.json()


def create_from(on: httpx.Client, *lines: Any) -> Any:
    return create(on, {"fileName": upload(on, jsonl(*lines))})


def inline(*texts: str) -> dict[str, Any]:
    """Give the configuration of a batch that brings its requests along."""
    requests = [
        {"request": {"contents": [{"parts": [{"text": text}]}]}, "metadata": {"key": f"r{at}"}}
        for at, text in enumerate(texts)
    ]
    return {"requests": {"requests": requests}}


def state(on: httpx.Client, name: str) -> str:
    found: str = on.get(f"/v1/{name}").json()["metadata"]["state"]
    return found.removeprefix("BATCH_STATE_")


def ended(on: httpx.Client, name: str) -> Any:
    """Wait until a batch has ended; give its operation."""
    wait_until(lambda: state(on, name) in TERMINAL)
    return on.get(f"/v1/{name}").json()


def rows(on: httpx.Client, operation: Any) -> list[Any]:
    """Give the lines of the result file of a batch."""
    name = operation["response"]["responsesFile"]
    text = on.get(f"/v1/{name}:download", params={"alt": "media"}).text
    return [json.loads(each) for each in text.split("\n") if each]
