"""Each dialect in its own words, both ways, with the shapes that the providers document."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batch_cli.dialects.base import Loss, Losses, Places, Unsupported
from batch_cli.jobs.conversion import Conversion, Converted, LossTally, convert_line
from batch_cli.providers import load_codec
from tests.support import SCHEMA

PNG = "data:image/png;base64,iVBORw0K"
CAT = "https://example.org/cat.png"
CALL = {
    "id": "call00001",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Rome"}'},
}
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}}
HI = [{"role": "user", "content": "Hi"}]


def convert(line: Any, source: str, target: str, model: str | None = "m") -> Converted:
    codecs = load_codec(source), load_codec(target)
    return convert_line(line, 1, str(line.get(codecs[0].id_field, "")), Conversion(*codecs, model))


def carried(line: Any, source: str, target: str) -> Any:
    """Give what a line becomes, nothing lost."""
    done = convert(line, source, target)
    assert (done.losses, done.findings) == ((), ())
    return json.loads(done.line)


def lost(line: Any, source: str, target: str) -> list[str]:
    done = convert(line, source, target)
    assert done.findings == ()
    return [loss.path for loss in done.losses]


def openai(messages: Any = None, url: str = "/v1/chat/completions", **body: Any) -> Any:
    if url == "/v1/chat/completions":
        body = {"max_completion_tokens": 9, **body, "messages": messages or HI}
    return {"custom_id": "a", "method": "POST", "url": url, "body": {"model": "m", **body}}


def anthropic(**params: Any) -> Any:
    return {"custom_id": "a", "params": {"model": "m", "max_tokens": 9, "messages": HI, **params}}


def google(**request: Any) -> Any:
    contents = [{"role": "user", "parts": [{"text": "Hi"}]}]
    return {
        "key": "a",
        "request": {"contents": contents, "generationConfig": {"maxOutputTokens": 9}, **request},
    }


def mistral(**body: Any) -> Any:
    return {"custom_id": "a", "body": {"model": "m", "messages": HI, "max_tokens": 9, **body}}


TALK = [
    {"role": "system", "content": "Be exact."},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is it?"},
            {"type": "image_url", "image_url": {"url": PNG}},
        ],
    },
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call00001", "content": "sunny"},
    {"role": "user", "content": "Thanks"},
]
TOOL = {
    "type": "function",
    "function": {"name": "weather", "description": "Tells it.", "parameters": WEATHER},
}
FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "User", "strict": True, "schema": {"title": "User", **SCHEMA}},
}
FULL = openai(TALK, tools=[TOOL], tool_choice="required", temperature=0.5, top_p=0.9, stop=["END"])
FULL_IN = {
    "anthropic": {
        "custom_id": "a",
        "params": {
            "model": "m",
            "max_tokens": 9,
            "temperature": 0.5,
            "top_p": 0.9,
            "stop_sequences": ["END"],
            "system": "Be exact.",
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is it?"},
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0K"},
                        },
                    ],
                },
                {
                    "role": "assistant",
                    "content": [
                        {"type": "tool_use", "id": "call00001", "name": "weather", "input": {"city": "Rome"}}
                    ],
                },
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": "call00001", "content": "sunny"}],
                },
                {"role": "user", "content": "Thanks"},
            ],
            "tools": [{"name": "weather", "description": "Tells it.", "input_schema": WEATHER}],
            "tool_choice": {"type": "any"},
        },
    },
    "google": {
        "key": "a",
        "request": {
            "systemInstruction": {"parts": [{"text": "Be exact."}]},
            "contents": [
                {
                    "role": "user",
                    "parts": [
                        {"text": "What is it?"},
                        {"inlineData": {"mimeType": "image/png", "data": "iVBORw0K"}},
                    ],
                },
                {
                    "role": "model",
                    "parts": [
                        {"functionCall": {"id": "call00001", "name": "weather", "args": {"city": "Rome"}}}
                    ],
                },
                {
                    "role": "user",
                    "parts": [
                        {
                            "functionResponse": {
                                "id": "call00001",
                                "name": "weather",
                                "response": {"output": "sunny"},
                            }
                        }
                    ],
                },
                {"role": "user", "parts": [{"text": "Thanks"}]},
            ],
            "tools": [
                {
                    "functionDeclarations": [
                        {"name": "weather", "description": "Tells it.", "parametersJsonSchema": WEATHER}
                    ]
                }
            ],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
            "generationConfig": {
                "maxOutputTokens": 9,
                "temperature": 0.5,
                "topP": 0.9,
                "stopSequences": ["END"],
            },
        },
    },
    "mistral": {
        "custom_id": "a",
        "body": {
            "model": "m",
            "messages": [*TALK[:2], {"role": "assistant", "tool_calls": [CALL]}, *TALK[3:]],
            "tools": [TOOL],
            "tool_choice": "any",
            "temperature": 0.5,
            "top_p": 0.9,
            "stop": ["END"],
            "max_tokens": 9,
        },
    },
    "regolo": FULL,
}


@pytest.mark.parametrize("other", FULL_IN)
def test_a_full_request_is_carried_over_and_back(other: str) -> None:
    assert carried(FULL, "openai", other) == FULL_IN[other]
    assert carried(FULL_IN[other], other, "openai") == FULL


class TestStructuredOutput:
    def test_it_is_a_forced_tool_at_anthropic_and_read_as_output_again(self) -> None:
        there = carried(openai(response_format=FORMAT), "openai", "anthropic")

        assert there["params"]["tool_choice"] == {"type": "tool", "name": "extract_data"}
        assert there["params"]["tools"][0]["input_schema"] == FORMAT["json_schema"]["schema"]  # type: ignore[index]
        assert carried(there, "anthropic", "openai") == openai(response_format=FORMAT)

    def test_beside_other_tools_it_is_anthropics_output_format(self) -> None:
        there = carried(openai(response_format=FORMAT, tools=[TOOL]), "openai", "anthropic")

        schema = FORMAT["json_schema"]["schema"]  # type: ignore[index]
        assert there["params"]["output_config"] == {"format": {"type": "json_schema", "schema": schema}}
        assert carried(there, "anthropic", "openai") == openai(response_format=FORMAT, tools=[TOOL])

    def test_what_create_writes_for_anthropic_is_output_everywhere(self) -> None:
        tool = {"name": "extract_data", "description": "Give the answer as User.", "input_schema": SCHEMA}
        line = anthropic(tools=[tool], tool_choice={"type": "tool", "name": "extract_data"})

        assert carried(line, "anthropic", "openai")["body"]["response_format"] == {
            "type": "json_schema",
            "json_schema": {"name": "User", "schema": SCHEMA},
        }
        config = carried(line, "anthropic", "google")["request"]["generationConfig"]
        assert config["responseMimeType"] == "application/json"
        assert config["responseSchema"]["properties"]["age"] == {"type": "INTEGER"}

    @pytest.mark.parametrize(
        "change", [{"cache_control": {"type": "ephemeral"}}, {"name": "other"}, {"description": 7}]
    )
    def test_another_forced_tool_stays_a_tool(self, change: Any) -> None:
        tool = {"name": "extract_data", "description": "x", "input_schema": SCHEMA, **change}
        line = anthropic(tools=[tool], tool_choice={"type": "tool", "name": "extract_data"})

        assert "response_format" not in json.loads(convert(line, "anthropic", "openai").line)["body"]

    def test_a_gemini_schema_is_read_in_both_its_forms(self) -> None:
        plain = {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}
        openapi = {
            "response_mime_type": "application/json",
            "response_schema": {
                "type": "OBJECT",
                "properties": {"age": {"type": "INTEGER"}, "name": {"type": "STRING"}},
                "required": ["name", "age"],
                "propertyOrdering": ["name", "age"],
            },
        }
        for config in (plain, openapi):
            wanted = carried(google(generationConfig=config), "google", "openai")["body"]["response_format"]
            assert wanted == {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA},
            }
            assert list(wanted["json_schema"]["schema"]["properties"]) == ["name", "age"]

    def test_json_without_a_schema_is_known_to_google_and_lost_at_anthropic(self) -> None:
        line = openai(response_format={"type": "json_object"})

        config = carried(line, "openai", "google")["request"]["generationConfig"]
        assert config == {"maxOutputTokens": 9, "responseMimeType": "application/json"}
        assert lost(line, "openai", "anthropic") == ["body.response_format"]

    def test_what_geminis_schemas_cannot_say_is_told(self) -> None:
        schema = {
            "title": "User",
            **SCHEMA,
            "properties": {"age": {"type": "integer", "multipleOf": 2}},
            "required": ["age"],
        }
        line = openai(
            response_format={"type": "json_schema", "json_schema": {"name": "User", "schema": schema}}
        )
        free = openai(
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "Free", "schema": {"type": "object", "additionalProperties": True}},
            }
        )

        done = convert(line, "openai", "google")
        assert [loss.reason for loss in done.losses] == ["Google's schemas have no multipleOf"]
        assert lost(free, "openai", "google") == ["body.response_format.json_schema.schema"]


class TestWhatIsLost:
    @pytest.mark.parametrize(
        ("body", "target", "path"),
        [
            ({"seed": 1}, "anthropic", "body.seed"),
            ({"temperature": 1.5}, "anthropic", "body.temperature"),
            ({"metadata": {"a": "b"}}, "anthropic", "body.metadata"),
            ({"reasoning_effort": "minimal"}, "anthropic", "body.reasoning_effort"),
            ({"tool_choice": "required"}, "anthropic", "body.tool_choice"),
            ({"tools": [{"type": "custom"}]}, "anthropic", "body.tools[0]"),
            ({"user": "u"}, "google", "body.user"),
            ({"seed": 2**40}, "google", "body.seed"),
            ({"tools": [TOOL], "parallel_tool_calls": False}, "google", "body.parallel_tool_calls"),
            ({"logprobs": True}, "mistral", "body.logprobs"),
            ({"temperature": 1.8}, "mistral", "body.temperature"),
            ({"seed": -1}, "mistral", "body.seed"),
            ({"max_tokens": 3}, "mistral", "body.max_tokens"),
            ({"unheard_of": {}}, "google", "body.unheard_of"),
        ],
    )
    def test_a_setting_without_words_is_told(self, body: Any, target: str, path: str) -> None:
        assert lost(openai(**body), "openai", target) == [path]

    @pytest.mark.parametrize(
        "body",
        [
            {"n": 1, "logprobs": False, "store": False, "stream": False, "presence_penalty": 0},
            {"seed": None, "user": None},
            {"response_format": {"type": "text"}},
        ],
    )
    def test_what_says_nothing_is_no_loss(self, body: Any) -> None:
        assert carried(openai(**body), "openai", "anthropic") == anthropic()

    @pytest.mark.parametrize(
        ("message", "target", "path"),
        [
            ({"role": "user", "content": "x", "name": "Ada"}, "anthropic", ".name"),
            ({"role": "user", "content": [{"type": "input_audio", "input_audio": {}}, {"type": "text", "text": "x"}]}, "anthropic", ".content[0]"),
            ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": CAT}}, {"type": "text", "text": "x"}]}, "google", ".content[0]"),
            ({"role": "developer", "content": "late"}, "google", ""),
        ],
    )  # fmt: skip
    def test_a_part_without_words_is_told_with_its_place(self, message: Any, target: str, path: str) -> None:
        assert lost(openai([*HI, message]), "openai", target) == [f"body.messages[1]{path}"]

    @pytest.mark.parametrize(
        ("params", "path"),
        [
            ({"thinking": {"type": "enabled"}}, "params.thinking"),
            ({"top_k": 5}, "params.top_k"),
            ({"metadata": {"user_id": "u", "x": 1}}, "params.metadata.x"),
            ({"output_config": {"effort": "max"}}, "params.output_config.effort"),
            (
                {"system": [{"type": "text", "text": "x", "cache_control": {}}]},
                "params.system[0].cache_control",
            ),
            (
                {"messages": [*HI, {"role": "assistant", "content": [{"type": "thinking"}, {"type": "text", "text": "x"}]}]},
                "params.messages[1].content[0]",
            ),
            ({"tools": [{"type": "web_search_20250305", "name": "w"}]}, "params.tools[0]"),
            (
                {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "no", "is_error": True}]}]},
                "params.messages[0].content[0].is_error",
            ),
        ],
    )  # fmt: skip
    def test_anthropics_own_words_are_told(self, params: Any, path: str) -> None:
        assert lost(anthropic(**params), "anthropic", "openai") == [path]

    @pytest.mark.parametrize(
        ("request_", "path"),
        [
            ({"safetySettings": [{}]}, "request.safetySettings"),
            ({"generationConfig": {"topK": 5}}, "request.generationConfig.topK"),
            ({"generationConfig": {"thinkingConfig": {}}}, "request.generationConfig.thinkingConfig"),
            ({"tools": [{"googleSearch": {}}]}, "request.tools[0].googleSearch"),
            (
                {"contents": [{"parts": [{"text": "hm", "thought": True}, {"text": "x"}]}]},
                "request.contents[0].parts[0]",
            ),
        ],
    )
    def test_googles_own_words_are_told(self, request_: Any, path: str) -> None:
        assert lost(google(**request_), "google", "openai") == [path]

    def test_mistrals_own_words_are_told(self) -> None:
        messages = [*HI, {"role": "assistant", "content": "x", "prefix": True}]

        assert lost(mistral(safe_prompt=True, messages=messages), "mistral", "openai") == [
            "body.messages[1].prefix",
            "body.safe_prompt",
        ]

    def test_fields_beside_the_request_are_told(self) -> None:
        assert lost({**openai(), "note": "mine"}, "openai", "anthropic") == ["note"]

    def test_a_length_limit_that_must_be_there_is_told(self) -> None:
        line = openai()
        del line["body"]["max_completion_tokens"]

        done = convert(line, "openai", "anthropic")
        assert json.loads(done.line)["params"]["max_tokens"] == 1000
        assert [loss.path for loss in done.losses] == ["body.max_completion_tokens"]

    def test_a_field_lost_twice_on_a_line_counts_once(self) -> None:
        tally = LossTally()
        tally.add((Loss("a[0].b", "x"), Loss("a[12].b", "x"), Loss("c", "y")), 3)
        tally.add((Loss("a[1].b", "x"),), 5)

        assert [field.sentence for field in tally.fields] == [
            "lost: a[*].b on 2 lines (first line 3): x",
            "lost: c on 1 line (first line 3): y",
        ]


class TestOtherWords:
    def test_images_by_address_go_where_they_are_fetched(self) -> None:
        messages = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": CAT}}]}]
        uploaded = [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "gs://b/c.png"}}]}
        ]

        there = carried(openai(messages), "openai", "anthropic")
        assert there["params"]["messages"][0]["content"][0]["source"] == {"type": "url", "url": CAT}
        assert carried(there, "anthropic", "openai") == openai(messages)
        there = carried(openai(uploaded), "openai", "google")
        assert there["request"]["contents"][0]["parts"] == [{"fileData": {"fileUri": "gs://b/c.png"}}]
        assert carried(there, "google", "openai") == openai(uploaded)

    def test_what_was_uploaded_to_google_only_google_can_read(self) -> None:
        file = {
            "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a",
            "mimeType": "image/png",
        }
        contents = [{"role": "user", "parts": [{"text": "Hi"}, {"fileData": file}]}]

        assert lost(google(contents=contents), "google", "openai") == [
            "request.contents[0].parts[1].fileData"
        ]

    @pytest.mark.parametrize(
        ("request_", "path"),
        [
            (
                {"toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}}},
                "request.toolConfig.functionCallingConfig.mode",
            ),
            (
                {
                    "generationConfig": {
                        "maxOutputTokens": 9,
                        "responseMimeType": "text/x.enum",
                        "responseSchema": {"type": "OBJECT", "properties": {}},
                    }
                },
                "request.generationConfig.responseMimeType",
            ),
            (
                {
                    "contents": [
                        {
                            "parts": [
                                {"inlineData": {"mimeType": "image/png", "data": "AAAA", "displayName": "a"}}
                            ]
                        }
                    ]
                },
                "request.contents[0].parts[0].inlineData.displayName",
            ),
            (
                {
                    "contents": [
                        {"parts": [{"file_data": {"file_uri": CAT}, "media_resolution": {"level": "LOW"}}]}
                    ]
                },
                "request.contents[0].parts[0].mediaResolution",
            ),
        ],
    )
    def test_what_only_gemini_can_say_is_told(self, request_: Any, path: str) -> None:
        assert lost(google(**request_), "google", "openai") == [path]

    def test_the_other_name_of_geminis_plain_schema_is_known(self) -> None:
        config = {
            "maxOutputTokens": 9,
            "responseMimeType": "application/json",
            "_responseJsonSchema": {"type": "object"},
        }

        body = carried(google(generationConfig=config), "google", "openai")["body"]
        assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}

    def test_an_embedding_of_gemini_is_no_chat(self) -> None:
        line = {"key": "a", "request": {"content": {"parts": [{"text": "Hi"}]}}}

        (found,) = convert(line, "google", "openai").findings
        assert (found.path, "embedding" in found.message) == ("request.content", True)

    def test_pdf_files_are_documents(self) -> None:
        file = {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}
        line = openai([{"role": "user", "content": [{"type": "file", "file": file}]}])

        there = carried(line, "openai", "anthropic")
        assert there["params"]["messages"][0]["content"][0]["title"] == "a.pdf"
        assert carried(there, "anthropic", "openai") == line
        assert lost(line, "openai", "google") == ["body.messages[0].content[0].file.filename"]

    def test_both_spellings_of_geminis_fields_are_read(self) -> None:
        snake = {
            "key": "a",
            "request": {
                "system_instruction": {"parts": [{"text": "Be"}, {"text": "exact."}]},
                "contents": [{"parts": [{"inline_data": {"mime_type": "image/png", "data": "iVBORw0K"}}]}],
                "generation_config": {"max_output_tokens": 9, "top_p": 0.5, "candidate_count": 2},
                "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["f"]}},
            },
        }

        assert carried(snake, "google", "openai") == openai(
            [
                {"role": "system", "content": "Be\n\nexact."},
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG}}]},
            ],
            top_p=0.5,
            n=2,
            tool_choice={"type": "function", "function": {"name": "f"}},
        )

    def test_calls_without_ids_are_given_some_and_answers_find_them(self) -> None:
        call = {"functionCall": {"name": "f", "args": {}}}
        answers = [{"functionResponse": {"name": "f", "response": {"n": n}}} for n in (1, 2)]
        contents = [{"parts": [{"text": "Hi"}]}, {"role": "model", "parts": [call, call]}, {"parts": answers}]

        messages = carried(google(contents=contents), "google", "openai")["body"]["messages"]

        assert [call["id"] for call in messages[1]["tool_calls"]] == ["call_0", "call_1"]
        assert [(m["tool_call_id"], m["content"]) for m in messages[2:]] == [
            ("call_0", '{"n":1}'),
            ("call_1", '{"n":2}'),
        ]

    def test_mistrals_names_are_its_own(self) -> None:
        line = openai([{"role": "developer", "content": "Be"}, *HI], seed=7)

        body = carried(line, "openai", "mistral")["body"]
        assert (body["random_seed"], body["max_tokens"], body["messages"][0]["role"]) == (7, 9, "system")

    def test_embeddings_and_moderations_are_known_to_mistral(self) -> None:
        line = openai(url="/v1/embeddings", input=["a", "b"], dimensions=8)
        there = carried(line, "openai", "mistral")

        assert there["body"] == {"model": "m", "input": ["a", "b"], "output_dimension": 8}
        assert carried(there, "mistral", "openai") == line
        moderation = {"custom_id": "a", "body": {"model": "mistral-moderation-latest", "input": "x"}}
        assert carried(moderation, "mistral", "openai")["url"] == "/v1/moderations"

    def test_regolos_own_words_are_not_openais(self) -> None:
        line = openai(disable_fallbacks=True, top_k=4)

        assert carried(line, "local", "regolo") == line
        assert sorted(lost(line, "regolo", "openai")) == ["body.disable_fallbacks", "body.top_k"]

    def test_params_in_anthropics_words_are_not_regolos(self) -> None:
        regolo = load_codec("regolo")

        assert regolo.is_readable({"custom_id": "a", "params": {"model": "m", "messages": HI}})
        assert not regolo.is_readable(anthropic(system="x"))
        assert not regolo.is_readable(anthropic(tools=[{"name": "f", "input_schema": {}}]))

    @pytest.mark.parametrize(
        ("line", "path", "message"),
        [
            ({"custom_id": "a", "params": {"messages": HI}}, "params", "missing params.model"),
            ({"model": "m", "messages": []}, "messages", "messages is empty"),
            ({"model": "m", "messages": HI, "top_p": 9}, "top_p", "top_p is out of range: 9"),
            ({"custom_id": "a", "params": 7}, "params", "params must be an object"),
        ],
    )
    def test_regolos_short_shapes_are_checked_in_their_own_words(
        self, line: Any, path: str, message: str
    ) -> None:
        (found,) = load_codec("regolo").check(line)

        assert (found.path, found.message) == (path, message)


class TestOtherEndpoints:
    def test_bodies_of_every_endpoint_stay_as_they_are_between_openais_heirs(self) -> None:
        for url, field in (
            ("responses", "input"),
            ("embeddings", "input"),
            ("completions", "prompt"),
            ("moderations", "input"),
        ):
            line = openai(url=f"/v1/{url}", **{field: ["x"], "unheard_of": 1})
            assert carried(line, "openai", "regolo") == line

    def test_a_completion_becomes_a_message_and_that_is_told(self) -> None:
        line = openai(url="/v1/completions", prompt="Once", max_tokens=9, echo=True)

        done = convert(line, "openai", "anthropic")
        assert json.loads(done.line)["params"]["messages"] == [{"role": "user", "content": "Once"}]
        assert [loss.path for loss in done.losses] == ["url", "body.echo"]

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            (openai(url="/v1/embeddings", input="x"), "Anthropic has no /v1/embeddings"),
            (openai(url="/v1/completions", prompt=["x", "y"]), "takes one prompt of text"),
            (openai([{"role": "function", "name": "f", "content": "x"}]), "functions cannot be carried"),
            (openai([{"role": "system", "content": "x"}]), "needs a message of the user"),
            (openai([{"role": "user", "content": [{"type": "input_audio"}]}]), "nothing of this message"),
            (openai(tools=7), "body.tools must be an array"),
            (openai(response_format=[]), "must hold a JSON schema"),
            (openai([*HI, {"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "f", "arguments": "["}}]}]), "must be a JSON object in a string"),
            (openai([*HI, {"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "f", "arguments": '{"a":' + "[" * 400 + "]" * 400 + "}"}}]}]), "must be a JSON object in a string"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_said_at_all_is_refused(self, line: Any, words: str) -> None:
        done = convert(line, "openai", "anthropic")

        assert done.line == b""
        (found,) = done.findings
        assert found.code == "E305"
        assert words in found.message

    def test_a_responses_request_becomes_a_chat(self) -> None:
        line = openai(
            url="/v1/responses",
            instructions="Be exact.",
            input=[
                {"role": "user", "content": [{"type": "input_text", "text": "What is it?"}, {"type": "input_image", "image_url": PNG}]},
                {"type": "function_call", "call_id": "call00001", "name": "weather", "arguments": '{"city":"Rome"}'},
                {"type": "function_call_output", "call_id": "call00001", "output": "sunny"},
                {"type": "message", "role": "user", "content": "Thanks"},
            ],
            tools=[{"type": "function", "name": "weather", "description": "Tells it.", "parameters": WEATHER}],
            tool_choice="required",
            max_output_tokens=9,
            temperature=0.5,
            top_p=0.9,
        )  # fmt: skip
        there = carried(line, "openai", "anthropic")

        wanted = FULL_IN["anthropic"]["params"]
        assert there["params"] == {name: value for name, value in wanted.items() if name != "stop_sequences"}

    def test_what_a_chat_has_no_words_for_is_told_in_the_words_of_the_line(self) -> None:
        line = openai(
            url="/v1/responses",
            input=[{"type": "reasoning", "id": "r"}, {"role": "user", "content": "Hi"}],
            max_output_tokens=9,
            previous_response_id="resp_1",
            text={"format": {"type": "json_object"}},
            reasoning={"effort": "minimal", "summary": "auto"},
        )

        assert lost(line, "openai", "anthropic") == [
            "body.input[0]",
            "body.reasoning.summary",
            "body.previous_response_id",
            "body.text.format",
            "body.reasoning.effort",
        ]


class TestPlaces:
    def test_a_path_is_said_in_the_words_of_the_line(self) -> None:
        places = Places("params", {"stop": "params.stop_sequences"}, ["params.system", "params.messages[0]"])

        assert places.own("stop[1]") == "params.stop_sequences[1]"
        assert places.own("top_p") == "params.top_p"
        assert places.own("messages[1].content[2]") == "params.messages[0].content[2]"
        assert places.own("messages[9]") == "params"
        assert Places("").own("messages[0].name") == "messages[0].name"

    def test_null_is_not_lost(self) -> None:
        losses = Losses()
        losses.add_rest({"a": None, "b": 1, "c": 2}, ("c",), "x", "why")

        assert losses.found == [Loss("x.b", "why")]


@pytest.mark.parametrize("provider", ["anthropic", "google", "mistral"])
def test_a_line_without_a_request_is_refused(provider: str) -> None:
    with pytest.raises(Unsupported, match="must be an object"):
        load_codec(provider).read_line({"custom_id": "a"}, 1)


CUSTOM_CALL = {"id": "c", "type": "custom", "custom": {"name": "run", "input": "x"}}


@pytest.mark.parametrize("target", ["anthropic", "google", "mistral"])
def test_a_call_of_a_custom_tool_is_named_as_what_it_is(target: str) -> None:
    messages = [*HI, {"role": "assistant", "tool_calls": [CUSTOM_CALL]}]

    (found,) = convert(openai(messages), "openai", target).findings
    assert found.path == "body.messages[1].tool_calls[0]"
    assert "calls of functions only" in found.message


class TestMistralsOwnWays:
    def test_ids_of_calls_get_the_form_that_mistral_takes_and_still_meet(self) -> None:
        ids = ["toolu_01A", "call_0", "ABCdef123", "too-short"]
        calls = [{**CALL, "id": call_id} for call_id in ids]
        answers = [{"role": "tool", "tool_call_id": call_id, "content": "x"} for call_id in ids]

        there = carried(
            openai([*HI, {"role": "assistant", "content": None, "tool_calls": calls}, *answers]),
            "openai",
            "mistral",
        )

        _, turn, *said = there["body"]["messages"]
        given = [call["id"] for call in turn["tool_calls"]]
        assert [answer["tool_call_id"] for answer in said] == given
        assert len(set(given)) == len(ids)
        assert all(len(each) == 9 and each.isalnum() and each.isascii() for each in given)
        assert given[2] == "ABCdef123"

    def test_a_function_without_parameters_gets_empty_ones(self) -> None:
        tool = {"type": "function", "function": {"name": "now"}}

        (there,) = carried(openai(tools=[tool]), "openai", "mistral")["body"]["tools"]
        assert there["function"] == {"name": "now", "parameters": {"type": "object", "properties": {}}}

    def test_tools_and_choices_that_are_openais_own_are_told(self) -> None:
        custom = {"type": "custom", "custom": {"name": "run"}}
        choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}
        line = openai(tools=[TOOL, custom], tool_choice=choice)

        assert lost(line, "openai", "mistral") == ["body.tools[1]", "body.tool_choice"]
        body = json.loads(convert(line, "openai", "mistral").line)["body"]
        assert (body["tools"], "tool_choice" in body) == ([TOOL], False)


class TestAnthropicsOwnWays:
    def test_a_tool_result_that_is_no_error_loses_nothing(self) -> None:
        def turns(is_error: bool) -> Any:
            use = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
            result = {"type": "tool_result", "tool_use_id": "t", "content": "x", "is_error": is_error}
            return [
                *HI,
                {"role": "assistant", "content": [use]},
                {"role": "user", "content": [result]},
            ]

        carried(anthropic(messages=turns(is_error=False)), "anthropic", "openai")
        assert lost(anthropic(messages=turns(is_error=True)), "anthropic", "openai") == [
            "params.messages[2].content[0].is_error"
        ]

    @pytest.mark.parametrize("effort", ["low", "xhigh"])
    def test_words_for_effort_that_both_have_travel(self, effort: str) -> None:
        there = carried(openai(reasoning_effort=effort), "openai", "anthropic")

        assert there["params"]["output_config"] == {"effort": effort}
        assert carried(there, "anthropic", "openai")["body"]["reasoning_effort"] == effort

    def test_a_choice_of_tools_that_nobody_else_has_is_told(self) -> None:
        assert lost(anthropic(tool_choice={"type": "new"}), "anthropic", "openai") == ["params.tool_choice"]


def test_log_probabilities_of_a_completion_are_said_as_a_chat_says_them() -> None:
    line = openai(url="/v1/completions", prompt="Hi", logprobs=3)

    config = json.loads(convert(line, "openai", "google").line)["request"]["generationConfig"]
    assert config == {"responseLogprobs": True, "logprobs": 3}
    assert set(lost(line, "openai", "anthropic")) >= {"body.logprobs"}


@pytest.mark.parametrize("word", ["top_k", "chat_template_kwargs", "guided_json"])
def test_words_that_openai_refuses_are_left_out_for_it(word: str) -> None:
    words: dict[str, Any] = {word: 1}
    assert lost(openai(**words), "regolo", "openai") == [f"body.{word}"]


def test_a_tool_that_answered_the_responses_endpoint_in_parts_answers_a_chat() -> None:
    items = [
        {"role": "user", "content": "Hi"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "sunny"}]},
    ]
    line = openai(url="/v1/responses", input=items, max_output_tokens=9)

    turn = carried(line, "openai", "anthropic")["params"]["messages"][2]
    assert turn["content"] == [{"type": "tool_result", "tool_use_id": "c", "content": "sunny"}]
