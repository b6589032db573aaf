"""What providers demand of the fields of a request: tables, each with its source and date.

Only what the source says outright is here. A field that no table names is left to the provider: services add
fields faster than tables follow.
"""

from __future__ import annotations

from batch_cli.providers.rules import (
    Rulebook,
    array,
    either,
    flag,
    mapping,
    number,
    one_of,
    string,
    text,
    whole_number,
)

_OPENAI = "openai-openapi 2.3.0, 2026-08-21"
_TEXT_OR_LIST = either(text, array(1))
_TOOL_CHOICE = either(one_of("none", "auto", "required"), mapping)
_PENALTY = number(-2, 2)

OPENAI_CHAT = Rulebook(
    _OPENAI,
    required={"model": text},  # messages have rules of their own
    optional={
        "temperature": number(0, 2),
        "top_p": number(0, 1),
        "max_tokens": whole_number(1),
        "max_completion_tokens": whole_number(1),
        "frequency_penalty": _PENALTY,
        "presence_penalty": _PENALTY,
        "n": whole_number(1, 128),
        "logprobs": flag,
        "top_logprobs": whole_number(0, 20),
        "seed": whole_number(None),
        "stop": either(string, array(0, 4)),
        "logit_bias": mapping,
        "metadata": mapping,
        "tools": array(0, 128),
        "tool_choice": _TOOL_CHOICE,
        "parallel_tool_calls": flag,
        "response_format": mapping,
        "reasoning_effort": string,
        "user": string,
    },
)
OPENAI_RESPONSES = Rulebook(
    _OPENAI,
    required={"model": text, "input": _TEXT_OR_LIST},
    optional={
        "instructions": string,
        "temperature": number(0, 2),
        "top_p": number(0, 1),
        "max_output_tokens": whole_number(1),
        "metadata": mapping,
        "parallel_tool_calls": flag,
        "reasoning": mapping,
        "text": mapping,
        "tools": array(),
        "tool_choice": _TOOL_CHOICE,
        "top_logprobs": whole_number(0, 20),
    },
)
OPENAI_STORED_PROMPT = Rulebook(
    _OPENAI,
    required={"prompt": mapping},
    optional={**OPENAI_RESPONSES.optional, "model": string, "input": either(string, array())},
)
"""A Responses body with a prompt that is stored at OpenAI, which may bring the model and the input."""
OPENAI_COMPLETIONS = Rulebook(
    _OPENAI,
    required={"model": text, "prompt": either(string, array(1))},
    optional={
        "temperature": number(0, 2),
        "top_p": number(0, 1),
        "max_tokens": whole_number(0),
        "frequency_penalty": _PENALTY,
        "presence_penalty": _PENALTY,
        "n": whole_number(1, 128),
        "best_of": whole_number(0, 20),
        "echo": flag,
        "logit_bias": mapping,
        "logprobs": whole_number(0, 5),
        "seed": whole_number(None),
        "stop": either(string, array(0, 4)),
    },
)
OPENAI_EMBEDDINGS = Rulebook(
    _OPENAI,
    required={"model": text, "input": either(text, array(1, 2048))},
    optional={"dimensions": whole_number(1), "encoding_format": one_of("float", "base64")},
)
OPENAI_MODERATIONS = Rulebook(
    _OPENAI,
    required={"input": _TEXT_OR_LIST},
    optional={"model": string},  # else OpenAI's newest
)
OPENAI_MEDIA = Rulebook(_OPENAI, required={"prompt": text}, optional={"model": string, "n": whole_number(1)})

ANTHROPIC = Rulebook(
    "anthropic-sdk-python 2.11.0, 2026-11-19; platform.claude.com 'Message Batches', 2026-11-21",
    required={"model": text, "max_tokens": whole_number(1)},
    optional={
        "temperature": number(0, 1),
        "top_p": number(0, 1),
        "top_k": whole_number(0),
        "system": either(string, array()),
        "stop_sequences": array(),
        "tools": array(),
        "tool_choice": mapping,
        "metadata": mapping,
        "thinking": mapping,
        "output_config": mapping,
    },
)
MISTRAL = Rulebook(
    "mistralai 3.7.0 and platform-docs-public openapi.yaml, 2026-08-21",
    optional={
        "model": text,  # else the job's
        "temperature": number(0, 1.5),
        "top_p": number(0, 1),
        "max_tokens": whole_number(1),
        "random_seed": whole_number(0),
        "frequency_penalty": _PENALTY,
        "presence_penalty": _PENALTY,
        "n": whole_number(1),
        "tools": array(),
        "tool_choice": either(one_of("none", "auto", "any", "required"), mapping),
        "response_format": mapping,
        "stop": either(string, array()),
    },
)
GOOGLE_REQUEST = Rulebook(
    "generativelanguage v1beta discovery, google-genai 3.4.0, 2026-11-21",
    optional={
        "tools": array(),
        "toolConfig": mapping,
        "safetySettings": array(),
        "generationConfig": mapping,
    },
)
GOOGLE_GENERATION = Rulebook(
    GOOGLE_REQUEST.source,
    optional={
        "temperature": number(0, 2),
        "topP": number(0, 1),
        "topK": number(0, float("inf")),
        "maxOutputTokens": whole_number(1),
        "candidateCount": whole_number(1),
        "stopSequences": array(0, 5),
        "seed": whole_number(None),
        "presencePenalty": _PENALTY,
        "frequencyPenalty": _PENALTY,
        "responseMimeType": string,
    },
)
