"""Requests that the providers' own documentation shows are never refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from batch_cli.errors import Severity
from batch_cli.line_formats import read_schema
from batch_cli.providers import load_codec

HI = [{"role": "user", "content": "Hi"}]
PARTS = {"parts": [{"text": "Hi"}]}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}

OPENAI: dict[str, tuple[str, Any]] = {
    "nulls": (
        "chat/completions",
        {"messages": HI, "stop": None, "max_tokens": None, "tools": None, "n": None},
    ),
    "custom tool": (
        "chat/completions",
        {"messages": HI, "tools": [{"type": "custom", "custom": {"name": "run"}}]},
    ),
    "choice among some tools": (
        "chat/completions",
        {"messages": HI, "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto"}}},
    ),
    "calls without a text": (
        "chat/completions",
        {"messages": [*HI, {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "content": ""}]},
    ),
    "a function that says nothing": (
        "chat/completions",
        {"messages": [*HI, {"role": "function", "name": "f", "content": None}]},
    ),
    "an answer in audio": (
        "chat/completions",
        {
            "messages": [*HI, {"role": "assistant", "audio": {"id": "audio_1"}}],
            "modalities": ["text", "audio"],
        },
    ),
    "a stored prompt": ("responses", {"prompt": {"id": "pmpt_1", "variables": {"city": "Rome"}}}),
    "a stored prompt with its input": (
        "responses",
        {"prompt": {"id": "pmpt_1"}, "model": "m", "input": "Hi"},
    ),
    "no stored prompt": ("responses", {"prompt": None, "model": "m", "input": "Hi"}),
    "tools of OpenAI": (
        "responses",
        {
            "model": "m",
            "input": "Hi",
            "tools": [{"type": "web_search"}],
            "tool_choice": {"type": "web_search"},
        },
    ),
    "tokens to embed": ("embeddings", {"model": "m", "input": [[1, 2], [3]]}),
    "moderation by the newest model": ("moderations", {"input": "Hi"}),
    "an image": ("images/generations", {"model": "gpt-image-1", "prompt": "A cat", "n": 2}),
    "an image changed": ("images/edits", {"prompt": "Add a hat", "images": [{"file_id": "file-1"}]}),
    "a video": ("videos", {"model": "sora-2", "prompt": "A cat"}),
}
ANTHROPIC: dict[str, Any] = {
    "thinking": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "stop_sequences": None},
    "cached system": {"system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]},
    "tools of Anthropic": {
        "tools": [{"type": "web_search_20250305", "name": "web_search"}],
        "mcp_servers": [],
    },
    "an answer begun": {"messages": [*HI, {"role": "assistant", "content": "{"}]},
}
GOOGLE: dict[str, Any] = {
    "snake case": {
        "contents": [PARTS],
        "generation_config": {"response_mime_type": "application/json", "thinking_config": {}},
        "safety_settings": [],
    },
    "tools of Google": {"contents": [PARTS], "tools": [{"google_search": {}}]},
    "a call and its answer": {
        "contents": [
            {"parts": [{"functionCall": {"name": "f"}, "thoughtSignature": "x"}]},
            {"parts": [{"functionResponse": {"name": "f", "response": {}}}]},
        ]
    },
    "an embedding": {"content": PARTS, "output_dimensionality": 512, "taskType": "RETRIEVAL_DOCUMENT"},
}
MISTRAL: dict[str, Any] = {
    "a scan": {"document": {"type": "document_url", "document_url": "https://example.org/a.pdf"}},
    "a conversation": {"inputs": "Hi", "agent_id": "ag_1"},
    "speech": {"file_url": "https://example.org/a.mp3"},
    "uploaded speech": {"file_id": "9c1"},
    "code to fill in": {"prompt": "def f(", "suffix": "return 1"},
    "a talk to judge": {"input": [HI]},
    "an agent": {"agent_id": "ag_1", "messages": HI},
    "a prefix": {
        "messages": [*HI, {"role": "assistant", "content": "{", "prefix": True}],
        "safe_prompt": True,
    },
}
LINES = [
    *(
        pytest.param(
            "openai",
            {
                "custom_id": "a",
                "method": "POST",
                "url": f"/v1/{url}",
                "body": {"model": "m", **body} if url == "chat/completions" else body,
            },
            id=f"openai {name}",
        )
        for name, (url, body) in OPENAI.items()
    ),
    *(
        pytest.param(
            "anthropic",
            {"custom_id": "a", "params": {"model": "m", "max_tokens": 9, "messages": HI, **params}},
            id=f"anthropic {name}",
        )
        for name, params in ANTHROPIC.items()
    ),
    *(
        pytest.param("google", {"key": "a", "request": request}, id=f"google {name}")
        for name, request in GOOGLE.items()
    ),
    *(
        pytest.param("mistral", {"custom_id": "a", "body": body}, id=f"mistral {name}")
        for name, body in MISTRAL.items()
    ),
]


@pytest.mark.parametrize(("provider", "line"), LINES)
class TestAValidRequest:
    def test_passes_the_check(self, provider: str, line: Any) -> None:
        found = list(load_codec(provider).check(line))

        assert [each.message for each in found if each.severity is Severity.ERROR] == []

    def test_fits_the_schema(self, provider: str, line: Any) -> None:
        checker = Draft202012Validator(json.loads(read_schema(f"{provider}-request")))

        assert [error.message for error in checker.iter_errors(line)] == []


@pytest.mark.parametrize("url", ["/v1/images/generations", "/v1/videos"])
@pytest.mark.parametrize("provider", ["regolo", "local"])
def test_media_endpoints_are_openais_alone(provider: str, url: str) -> None:
    line = {"custom_id": "a", "method": "POST", "url": url, "body": {"model": "m", "prompt": "A cat"}}

    assert [found.code for found in load_codec(provider).check(line)] == ["E313"]


@pytest.mark.parametrize(
    ("content", "code"), [(7, "E302"), ({}, "E301"), ({"parts": []}, "E303"), ({"parts": {}}, "E302")]
)
def test_what_is_embedded_is_checked(content: Any, code: str) -> None:
    line = {"key": "a", "request": {"content": content}}

    assert [found.code for found in load_codec("google").check(line)] == [code]


def test_a_body_for_no_endpoint_at_all_is_refused() -> None:
    found = load_codec("mistral").check({"custom_id": "a", "body": {"temperature": 1}})

    assert [each.message for each in found] == ["missing body.messages"]


@pytest.mark.parametrize("body", [{}, {"prompt": ""}, {"prompt": 7}])
def test_an_image_needs_a_prompt(body: Any) -> None:
    line = {"custom_id": "a", "method": "POST", "url": "/v1/images/generations", "body": body}

    assert len(list(load_codec("openai").check(line))) == 1
