"""What the server sends is of the types that the providers publish.

The types of the official clients are made from the providers' OpenAPI documents. Where a client can hold answers to
them (``_strict_response_validation`` of openai and anthropic, in `ServerProcess.client` and `anthropic_client`), all
tests of its wire do so; google-genai's models allow no field that they do not know. Here is what no client checks:
errors, rows of result files, Gemini's files and operations.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args

import httpx
import pytest
from anthropic.types import ErrorResponse
from anthropic.types.messages import MessageBatchIndividualResponse
from anthropic.types.shared import ErrorType
from google.genai import types as genai
from openai.types.chat import ChatCompletion
from openai.types.shared import ErrorObject
from pydantic import TypeAdapter

from tests.serve import anthropic_client, google_client
from tests.serve.google_client import MODEL, inline, line
from tests.serving import ServerProcess, ended
from tests.support import chat

STATUSES = (400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529)
RPC = {
    "INVALID_ARGUMENT",
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
    "NOT_FOUND",
    "UNIMPLEMENTED",
    "ALREADY_EXISTS",
}
RPC |= {"OUT_OF_RANGE", "RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "UNKNOWN"}
OPERATION = {"name", "metadata", "done", "response", "error"}
"""google.longrunning.Operation."""
BATCH = {
    *("@type", "name", "model", "displayName", "inputConfig", "output", "state", "priority", "batchStats"),
    *("createTime", "updateTime", "endTime"),
}
"""GenerateContentBatch. Source: generativelanguage v1beta discovery (2025-12-10)."""


@pytest.fixture(params=STATUSES)
def refused(request: pytest.FixtureRequest, server: ServerProcess) -> Iterator[int]:
    """Let the server refuse everything with a status, as long as a test runs."""
    rule = {"route": "* /**", "fault": "status", "status": request.param}
    httpx.post(f"{server.url}/_emulator/scenario", json={"rules": [rule]}).raise_for_status()
    yield request.param
    httpx.post(f"{server.url}/_emulator/scenario", json={}).raise_for_status()


class TestErrors:
    def test_of_openai(self, server: ServerProcess, refused: int) -> None:
        with server.http() as http:
            answer = http.get("/v1/batches/any")

        assert answer.status_code == refused
        assert list(answer.json()) == ["error"]
        ErrorObject.model_validate(answer.json()["error"], strict=True, extra="forbid")

    def test_of_anthropic(self, server: ServerProcess, refused: int) -> None:
        with server.http(headers=anthropic_client.HEADERS) as http:
            answer = http.get("/v1/messages/batches/any")

        assert answer.status_code == refused
        kind = answer.json()["error"]["type"]
        if kind == "request_too_large":  # documented, and not among the types
            assert refused == 413
        else:
            TypeAdapter(ErrorType).validate_python(kind)
        if kind in str(get_args(ErrorResponse.model_fields["error"].annotation)):
            ErrorResponse.model_validate(answer.json(), strict=True)

    @pytest.mark.parametrize(
        ("refused", "kind"),
        [
            (402, "billing_error"),
            (429, "rate_limit_error"),
            (503, "api_error"),
            (504, "timeout_error"),
            (529, "overloaded_error"),
        ],
        indirect=["refused"],
    )
    def test_of_anthropic_say_what_their_status_says(
        self, server: ServerProcess, refused: int, kind: str
    ) -> None:
        with server.http(headers=anthropic_client.HEADERS) as http:
            answer = http.post("/v1/messages", json={})

        assert (answer.status_code, answer.json()["error"]["type"]) == (refused, kind)

    @pytest.mark.usefixtures("refused")
    def test_of_gemini(self, server: ServerProcess) -> None:
        with google_client.http(server) as http:
            answer = http.get("/v1beta/batches/any")

        error = answer.json()["error"]
        assert error["code"] == answer.status_code
        assert error["status"] in RPC
        assert set(error) <= {"code", "message", "status", "details"}


def test_result_rows_of_openai(server: ServerProcess) -> None:
    requests = [chat("good"), chat("bad", temperature=9)]
    content = "".join(json.dumps(each) + "\n" for each in requests).encode()
    with server.client() as client:
        file = client.files.create(file=("a.jsonl", content), purpose="batch")
        made = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        batch = ended(client, made.id)
        good, bad = (
            json.loads(client.files.content(file_id).text)
            for file_id in (batch.output_file_id, batch.error_file_id)
        )

    for row in (good, bad):  # BatchRequestOutput, which no client has as a type
        assert set(row) == {"id", "custom_id", "response", "error"}
        assert set(row["response"]) == {"status_code", "request_id", "body"}
    ChatCompletion.model_validate(good["response"]["body"], strict=True)
    ErrorObject.model_validate(bad["response"]["body"]["error"], strict=True, extra="forbid")


def test_result_rows_of_anthropic(server: ServerProcess) -> None:
    with anthropic_client.connect(server) as client:
        requests = [anthropic_client.request("good"), anthropic_client.request("bad", max_tokens=0)]
        batch = client.messages.batches.create(requests=requests)
        anthropic_client.ended(client, batch.id)
    with server.http(headers=anthropic_client.HEADERS) as http:
        rows = http.get(f"/v1/messages/batches/{batch.id}/results").text.splitlines()

    found = [MessageBatchIndividualResponse.model_validate_json(row) for row in rows]
    assert [row.result.type for row in found] == ["succeeded", "errored"]


class TestGemini:
    @pytest.fixture
    def on(self, server: ServerProcess) -> Iterator[httpx.Client]:
        with google_client.http(server) as client:
            yield client

    def held_to_types(self, operation: Any) -> Any:
        """Check an operation, and give what came out."""
        assert set(operation) <= OPERATION
        assert set(operation["metadata"]) <= BATCH
        for name, count in operation["metadata"].get("batchStats", {}).items():
            assert name.lower().endswith("requestcount")
            assert int(count) > 0
        if "error" in operation:
            genai.JobError.model_validate(operation["error"])
        return operation["metadata"].get("output")

    def test_files(self, on: httpx.Client) -> None:
        name = google_client.upload(on, b"x", displayName="a")

        file = genai.File.model_validate(on.get(f"/v1beta/{name}").json())

        assert (file.name, file.size_bytes) == (name, 1)

    def test_an_operation_of_a_file_and_its_rows(self, on: httpx.Client) -> None:
        running = google_client.create_from(on, line("good"), line("other"))
        operation = google_client.ended(on, running["name"])

        self.held_to_types(running)
        assert set(self.held_to_types(operation)) == {"responsesFile"}
        for row in google_client.rows(on, operation):
            assert set(row) == {"key", "response"}
            genai.GenerateContentResponse.model_validate(row["response"])

    def test_an_operation_with_its_answers(self, on: httpx.Client) -> None:
        made = google_client.create(on, inline("Hi", "Ho"))

        output = self.held_to_types(google_client.ended(on, made["name"]))

        answers = output["inlinedResponses"]["inlinedResponses"]
        assert len([genai.InlinedResponse.model_validate(each) for each in answers]) == 2

    def test_an_operation_with_embeddings(self, on: httpx.Client) -> None:
        config = {"requests": {"requests": [{"request": {"content": {"parts": [{"text": "Hi"}]}}}]}}
        made = google_client.create(on, config, method="asyncBatchEmbedContent")

        output = self.held_to_types(google_client.ended(on, made["name"]))

        answers = output["inlinedEmbedContentResponses"]["inlinedResponses"]
        assert len([genai.InlinedEmbedContentResponse.model_validate(each) for each in answers]) == 1

    def test_an_operation_that_failed(self, on: httpx.Client) -> None:
        made = google_client.create_from(on, {"key": "a"})

        operation = google_client.ended(on, made["name"])

        assert self.held_to_types(operation) is None
        assert operation["error"]["code"] == 3

    def test_rows_that_failed(self, server: ServerProcess, on: httpx.Client) -> None:
        play = {"batches": [{"failing": 1}]}
        httpx.post(f"{server.url}/_emulator/scenario", json=play).raise_for_status()
        operation = google_client.ended(on, google_client.create_from(on, line("bad"))["name"])
        httpx.post(f"{server.url}/_emulator/scenario", json={}).raise_for_status()

        (row,) = google_client.rows(on, operation)
        assert set(row) == {"key", "error"}
        genai.JobError.model_validate(row["error"])

    def test_models(self, on: httpx.Client) -> None:
        shown = on.get(f"/v1beta/models/{MODEL}").json()

        shown["supportedActions"] = shown.pop("supportedGenerationMethods")  # the client's own name for it
        genai.Model.model_validate(shown)
