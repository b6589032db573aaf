"""Which wire a request is taken for."""

from __future__ import annotations

import pytest

from batch_cli.serve.wires import wire_of


@pytest.mark.parametrize(
    ("path", "wire"),
    [
        ("/v1/models/llama3.2:latest", "openai"),
        ("/v1/models/ft:gpt-4o-mini:acme", "openai"),
        ("/v1/models/claude-x", "openai"),
        ("/v1/messages/batches", "anthropic"),
        ("/v1/models/gemini-2.5-flash:generateContent", "google"),
        ("/v1/models/gemini-2.5-flash:asyncBatchEmbedContent", "google"),
        ("/v1/batches/x:cancel", "google"),
        ("/v1/files/x:download", "google"),
        ("/v1beta/models", "google"),
        ("/upload/v1/files", "google"),
    ],
)
def test_a_path_without_headers_tells_its_wire(path: str, wire: str) -> None:
    assert wire == wire_of({"type": "http", "path": path, "query_string": b"", "headers": []})


@pytest.mark.parametrize(
    ("name", "query", "wire"),
    [
        (b"x-goog-api-key", b"", "google"),
        (b"anthropic-version", b"", "anthropic"),
        (b"authorization", b"a=b&key=k", "google"),
        (b"authorization", b"monkey=k", "openai"),
    ],
)
def test_a_path_that_wires_share_is_told_by_the_key(name: bytes, query: bytes, wire: str) -> None:
    scope = {"type": "http", "path": "/v1/models", "query_string": query, "headers": [(name, b"x")]}

    assert wire == wire_of(scope)
