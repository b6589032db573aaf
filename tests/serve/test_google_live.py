"""The methods of Gemini's models, answered at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from google.genai import errors

from tests.serve.google_client import KEY, MODEL, connect, http
from tests.serving import ServerProcess

TURN = {"parts": [{"text": "Bob is 42 years old"}]}
FIELDS = {"name": {"type": "STRING"}, "age": {"type": "INTEGER", "nullable": True}}


@pytest.fixture
def on(server: ServerProcess) -> Iterator[httpx.Client]:
    with http(server) as client:
        yield client


def ask(on: httpx.Client, body: Any, method: str = "generateContent") -> Any:
    answer = on.post(f"/v1beta/models/{MODEL}:{method}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def part(answer: Any) -> Any:
    return answer["candidates"][0]["content"]["parts"][0]


def test_an_answer_has_the_fields_of_the_live_api(on: httpx.Client) -> None:
    answer = ask(on, {"contents": [TURN]})

    assert set(answer) == {"candidates", "usageMetadata", "modelVersion", "responseId"}
    assert answer["modelVersion"] == MODEL
    (candidate,) = answer["candidates"]
    assert (candidate["finishReason"], candidate["index"]) == ("STOP", 0)
    assert candidate["content"]["role"] == "model"
    usage = answer["usageMetadata"]
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage["candidatesTokenCount"]


@pytest.mark.parametrize(
    "config",
    [
        {"responseSchema": {"type": "OBJECT", "properties": FIELDS, "required": ["name", "age"]}},
        {
            "responseSchema": {
                "type": "OBJECT",
                "properties": FIELDS,
                "property_ordering": ["name", "age"],
                "required": ["name", "age"],
            }
        },
        {
            "responseJsonSchema": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
                "required": ["name", "age"],
                "additionalProperties": False,
            }
        },
    ],
    ids=["openapi", "snake", "json-schema"],
)
def test_a_schema_of_either_kind_is_followed(on: httpx.Client, config: Any) -> None:
    given = {"responseMimeType": "application/json", **config}

    answer = ask(on, {"contents": [TURN], "generationConfig": given})

    assert json.loads(part(answer)["text"]) == {"name": "Bob", "age": 42}


def test_bounds_that_proto_json_writes_as_text_are_kept(on: httpx.Client) -> None:
    schema = {"type": "ARRAY", "items": {"type": "STRING"}, "minItems": "3", "maxItems": "3"}
    config = {"responseMimeType": "application/json", "responseSchema": schema}

    answer = ask(on, {"contents": [TURN], "generationConfig": config})

    assert len(json.loads(part(answer)["text"])) == 3


def test_an_enum_is_answered_with_a_bare_word(on: httpx.Client) -> None:
    schema = {"type": "STRING", "format": "enum", "enum": ["young", "old"]}
    config = {"responseMimeType": "text/x.enum", "responseSchema": schema}

    assert part(ask(on, {"contents": [TURN], "generationConfig": config}))["text"] in ("young", "old")


@pytest.mark.parametrize("names", [{}, {"allowedFunctionNames": ["save"]}], ids=["any", "by-name"])
def test_a_function_that_has_to_be_called_is_called(on: httpx.Client, names: Any) -> None:
    parameters = {"type": "OBJECT", "properties": FIELDS, "required": ["name", "age"]}
    tools = [{"functionDeclarations": [{"name": "save", "parameters": parameters}]}]
    choice = {"functionCallingConfig": {"mode": "ANY", **names}}

    answer = ask(on, {"contents": [TURN], "tools": tools, "toolConfig": choice})

    assert part(answer) == {"functionCall": {"name": "save", "args": {"name": "Bob", "age": 42}}}
    assert answer["candidates"][0]["finishReason"] == "STOP"


def test_an_answer_that_is_too_long_is_cut_and_says_so(on: httpx.Client) -> None:
    answer = ask(on, {"contents": [TURN], "generationConfig": {"maxOutputTokens": 2}})

    assert answer["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert answer["usageMetadata"]["candidatesTokenCount"] == 2


@pytest.mark.parametrize("query", ["?alt=sse", ""])
def test_a_stream_gives_the_same_answer_in_parts(on: httpx.Client, query: str) -> None:
    whole = ask(on, {"contents": [TURN]})

    answer = on.post(f"/v1/models/{MODEL}:streamGenerateContent{query}", json={"contents": [TURN]})

    if query:
        assert answer.headers["content-type"].startswith("text/event-stream")
        parts = [json.loads(event.removeprefix("data: ")) for event in answer.text.split("\r\n\r\n") if event]
    else:
        parts = answer.json()
    assert len(parts) > 1
    assert "".join(part(each)["text"] for each in parts) == part(whole)["text"]
    assert ["finishReason" in each["candidates"][0] for each in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1]["usageMetadata"] == whole["usageMetadata"]


def test_embeddings_come_alone_and_together(on: httpx.Client) -> None:
    one = ask(on, {"content": TURN, "outputDimensionality": 3}, "embedContent")
    both = ask(on, {"requests": [{"content": TURN, "outputDimensionality": 3}] * 2}, "batchEmbedContents")

    assert len(one["embedding"]["values"]) == 3
    assert [each["values"] for each in both["embeddings"]] == [one["embedding"]["values"]] * 2


def test_tokens_are_counted_for_contents_and_for_a_whole_request(on: httpx.Client) -> None:
    used = ask(on, {"contents": [TURN]})["usageMetadata"]["promptTokenCount"]

    for body in ({"contents": [TURN]}, {"generateContentRequest": {"contents": [TURN]}}):
        counted = ask(on, body, "countTokens")
        assert counted["totalTokens"] == used
        assert counted["promptTokensDetails"] == [{"modality": "TEXT", "tokenCount": used}]


def test_models_are_listed_in_pages_and_any_can_be_looked_at(server: ServerProcess, on: httpx.Client) -> None:
    client = connect(server)

    listed = [model.name for model in client.models.list(config={"page_size": 1})]

    assert f"models/{MODEL}" in listed
    assert len(on.get("/v1/models?pageSize=1").json()["models"]) == 1
    assert client.models.get(model="gemini-9").name == "models/gemini-9"
    assert "generateContent" in client.models.get(model="gemini-9").supported_actions
    with server.http() as other:
        assert other.get("/v1/models").json()["object"] == "list", "without a key of this wire it is OpenAI's"


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("generateContent", {}),
        ("generateContent", {"contents": []}),
        ("generateContent", {"contents": "Hi"}),
        ("generateContent", {"contents": [TURN], "generationConfig": {"temperature": "hot"}}),
        (
            "generateContent",
            {
                "contents": [TURN],
                "tools": [],
                "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["x"]}},
            },
        ),
        ("streamGenerateContent", {}),
        ("countTokens", {}),
        ("embedContent", {"contents": [TURN]}),
        ("embedContent", {"content": TURN, "outputDimensionality": 0.5}),
        ("batchEmbedContents", {"requests": []}),
        ("batchEmbedContents", {"requests": [{"content": TURN}] * 101}),
    ],
)
def test_a_wrong_body_is_an_invalid_argument(on: httpx.Client, method: str, body: Any) -> None:
    answer = on.post(f"/v1/models/{MODEL}:{method}", json=body)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("method", "path", "status", "word"),
    [
        ("POST", "/v1/models/x:fly", 405, "UNIMPLEMENTED"),
        ("POST", "/v1beta/models/%20:generateContent", 404, "NOT_FOUND"),
        ("GET", "/v1beta/nothing", 404, "NOT_FOUND"),
        ("GET", "/v1beta/batches/none", 404, "NOT_FOUND"),
        ("POST", "/v1beta/batches/none:cancel", 404, "NOT_FOUND"),
        ("DELETE", "/v1beta/batches/none", 404, "NOT_FOUND"),
        ("PUT", "/v1beta/batches", 405, "UNIMPLEMENTED"),
    ],
)
def test_what_is_not_there_is_refused_in_google_s_shape(
    on: httpx.Client, method: str, path: str, status: int, word: str
) -> None:
    answer = on.request(method, path, json={"contents": [TURN]} if method == "POST" else None)

    assert (answer.status_code, answer.json()["error"]["status"]) == (status, word)
    assert set(answer.json()["error"]) == {"code", "message", "status"}


def test_a_body_of_another_type_or_no_json_is_refused(on: httpx.Client) -> None:
    url = f"/v1/models/{MODEL}:generateContent"

    for kind, content in (("text/plain", b"{}"), ("application/json", b"{"), ("application/json", b"[]")):
        answer = on.post(url, headers={"content-type": kind}, content=content)
        assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_simulated_errors_have_google_s_words(tmp_path: Any) -> None:
    with ServerProcess(tmp_path, "--simulate-errors", "1") as running:
        client = connect(running)
        with pytest.raises(errors.APIError) as failed:
            client.models.generate_content(model=MODEL, contents="x")
        assert failed.value.status in {"RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE"}
        many = [httpx.get(f"{running.url}/v1/models/{MODEL}", headers=KEY).status_code for _ in range(3)]
        assert many == [200] * 3
