"""The life of files, uploads, batches and live answers, by whichever release of openai is installed: URL VERSION."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from typing import Any

import openai

CHAT: Any = "/v1/chat/completions"
MESSAGES: Any = [{"role": "user", "content": "I am Ada, 36 years old. Grüße! 🇬🇧"}]
SCHEMA: Any = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
WANTED: Any = {"type": "json_schema", "json_schema": {"name": "User", "strict": True, "schema": SCHEMA}}


def lines(*names: str, **more: Any) -> bytes:
    body = {"model": "m", "messages": MESSAGES, **more}
    rows = [{"custom_id": name, "method": "POST", "url": CHAT, "body": body} for name in names]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def refused(kind: Any, call: Any, *words: Any, **given: Any) -> Any:
    """Give the error that a call has to end with."""
    try:
        call(*words, **given)
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def store(client: Any, content: bytes) -> Any:
    return client.files.create(file=("requests.jsonl", content), purpose="batch")


def begin(client: Any, file_id: str, **given: Any) -> Any:
    return client.batches.create(input_file_id=file_id, endpoint=CHAT, completion_window="24h", **given)


def ended(client: Any, batch_id: str) -> Any:
    end = time.monotonic() + 60
    while True:
        batch = client.batches.retrieve(batch_id)
        if batch.status in {"completed", "failed", "expired", "cancelled"}:
            return batch
        assert time.monotonic() < end, "it never ended"
        time.sleep(0.05)


def rows(client: Any, file_id: str) -> list[Any]:
    return [json.loads(line) for line in client.files.content(file_id).text.split("\n") if line]


def files_and_batches(client: Any) -> None:
    content = lines("a", "b", response_format=WANTED) + lines("bad", temperature=9)
    file = store(client, content)
    assert client.files.retrieve(file.id) == file
    assert client.files.content(file.id).content == content
    batch = ended(client, begin(client, file.id, metadata={"run": "7"}).id)
    assert (batch.status, batch.metadata) == ("completed", {"run": "7"})
    assert batch.request_counts.model_dump() == {"total": 3, "completed": 2, "failed": 1}
    good, bad = rows(client, batch.output_file_id), rows(client, batch.error_file_id)
    assert [row["custom_id"] for row in good] == ["a", "b"]
    said = json.loads(good[0]["response"]["body"]["choices"][0]["message"]["content"])
    assert said == {"name": "Ada", "age": 36}
    assert [row["response"]["status_code"] for row in bad] == [400]
    refused(openai.ConflictError, client.batches.cancel, batch.id)
    assert client.files.delete(file.id).deleted
    refused(openai.NotFoundError, client.files.retrieve, file.id)


def failed_and_cancelled(client: Any) -> None:
    wrong = ended(client, begin(client, store(client, b"{}\n").id).id)
    assert wrong.status == "failed"
    assert wrong.errors.data[0].line == 1
    many = begin(client, store(client, lines(*(f"r{n}" for n in range(3_000)))).id)
    assert client.batches.cancel(many.id).status in {"cancelling", "cancelled"}
    assert ended(client, many.id).status == "cancelled"


def pages(client: Any) -> None:
    file = store(client, lines("a"))
    made = [begin(client, file.id).id for _ in range(5)]
    seen = [batch.id for batch in client.batches.list(limit=2)]
    assert seen[:5] == made[::-1]
    assert len(set(seen)) == len(seen)
    assert file.id in [one.id for one in client.files.list(limit=2, order="asc")]


def uploads(client: Any) -> None:
    content = lines("a", "b")
    given: Any = {"filename": "parts.jsonl", "mime_type": "application/jsonl", "purpose": "batch"}
    upload = client.uploads.create(bytes=len(content), **given)
    parts = [client.uploads.parts.create(upload.id, data=piece).id for piece in (content[:50], content[50:])]
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    done = client.uploads.complete(upload.id, part_ids=parts, md5=digest)
    assert done.status == "completed"
    assert client.files.content(done.file.id).content == content
    other = client.uploads.create(bytes=len(content), **given)
    assert client.uploads.cancel(other.id).status == "cancelled"


def live(client: Any) -> None:
    whole = client.chat.completions.create(model="m", messages=MESSAGES)
    usage: Any = {"include_usage": True}
    with client.chat.completions.stream(model="m", messages=MESSAGES, stream_options=usage) as stream:
        final = stream.get_final_completion()
    assert (final.choices[0].message.content, final.usage) == (whole.choices[0].message.content, whole.usage)
    with client.responses.stream(model="m", input="Hi there") as stream:
        response = stream.get_final_response()
    assert response.output_text == client.responses.create(model="m", input="Hi there").output_text
    given: Any = {"model": "m", "input": ["a", "b"], "dimensions": 8}
    vectors = client.embeddings.create(**given, encoding_format="float").data
    assert [len(one.embedding) for one in vectors] == [8, 8]
    # By default the client asks for base64, which its own types do not know before it has decoded it.
    with openai.OpenAI(api_key="sk-test", base_url=client.base_url) as lenient:
        packed = lenient.embeddings.create(**given).data
    assert [one.embedding for one in packed] == [one.embedding for one in vectors]
    assert client.moderations.create(input="I will kill you").results[0].flagged
    assert client.models.retrieve("any").id == "any"
    assert "gpt-4o-mini" in [model.id for model in client.models.list()]
    error = refused(
        openai.BadRequestError, client.chat.completions.create, model="m", messages=MESSAGES, temperature=9
    )
    assert error.param == "temperature"
    assert error.request_id


def main(url: str, version: str) -> None:
    assert openai.__version__ == version
    client = openai.OpenAI(
        api_key="sk-test", base_url=f"{url}/v1", max_retries=0, _strict_response_validation=True
    )
    with client:
        for part in (files_and_batches, failed_and_cancelled, pages, uploads, live):
            part(client)


if __name__ == "__main__":
    main(*sys.argv[1:])
