"""The endpoints of models, answered at once, as the official client sees them."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.serving import ServerProcess
from tests.support import SCHEMA


def test_every_endpoint_answers_in_its_own_shape(client: OpenAI, server: ServerProcess) -> None:
    chat = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])
    completion = client.completions.create(model="m", prompt="Hi")
    response = client.responses.create(model="m", input="Hi")
    embedding = client.embeddings.create(model="m", input=["a", "b"], encoding_format="float", dimensions=8)

    assert "Hi" in (chat.choices[0].message.content or "")
    assert "Hi" in completion.choices[0].text
    assert "Hi" in response.output_text
    assert [len(one.embedding) for one in embedding.data] == [8, 8]
    assert chat.created > 1_700_000_000
    assert server.ledger()["live"]["/v1/chat/completions"] >= 1


def test_structured_answers_follow_their_schema(client: OpenAI) -> None:
    chat = client.chat.completions.create(
        model="m",
        messages=[{"role": "user", "content": "I'm Ada, 36."}],
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "User", "strict": True, "schema": SCHEMA},
        },
    )

    assert json.loads(chat.choices[0].message.content or "") == {"name": "Ada", "age": 36}


def test_two_answers_never_have_the_same_id(client: OpenAI) -> None:
    ids = {client.completions.create(model="m", prompt="Hi").id for _ in range(3)}

    assert len(ids) == 3


def test_a_wrong_body_is_refused_with_the_field(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}], temperature=9)

    assert refused.value.param == "temperature"
    for body in ({"stream": 1}, {"stream_options": {"include_usage": True}}):
        with pytest.raises(openai.BadRequestError) as refused:
            client.completions.create(model="m", prompt="Hi", extra_body=body)
        assert refused.value.param == next(iter(body))
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(model="m", input="Hi", extra_body={"stream": True})
    assert refused.value.param == "stream"


def test_moderations_flag_what_they_find_in_each_text(client: OpenAI) -> None:
    texts = client.moderations.create(input=["I will kill you, you idiot", "Good morning"]).results
    message: Any = [
        {"type": "text", "text": "blood and murder"},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
    ]
    parts = client.moderations.create(input=message, model="omni-moderation-latest")

    assert [result.flagged for result in texts] == [True, False]
    assert texts[0].categories.harassment_threatening
    assert not texts[0].categories.violence_graphic
    assert texts[0].category_scores.violence > 0.4 > texts[1].category_scores.violence
    assert parts.model == "omni-moderation-latest"
    (result,) = parts.results
    assert result.categories.violence_graphic


def test_models_are_listed_and_any_name_is_one(client: OpenAI) -> None:
    names = [model.id for model in client.models.list()]

    assert {"gpt-4o-mini", "simulate"} <= set(names)
    assert client.models.retrieve("meta/llama-9").id == "meta/llama-9"


def test_failures_are_simulated_by_a_share(tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        ServerProcess(tmp_path_factory.mktemp("faulty"), "--simulate-errors", "1") as running,
        running.client() as faulty,
        pytest.raises((openai.RateLimitError, openai.InternalServerError)),
    ):
        faulty.completions.create(model="m", prompt="Hi")
