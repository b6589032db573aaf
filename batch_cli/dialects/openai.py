"""The OpenAI dialect: ``{"custom_id", "method", "url", "body"}`` lines, whose words are the neutral form's own.

Whatever stands in a body travels, also what is younger than this module; at other endpoints than chat the
body stays as it is, so that between two places that speak this dialect nothing can be lost.
Source: openai-openapi 2.3.0 (2026-08-21).
"""

from __future__ import annotations

from dataclasses import replace

from batch_cli.dialects import responses
from batch_cli.dialects.base import Losses, Places, Reading, Unsupported, beside
from batch_cli.dialects.chat import user_message
from batch_cli.model import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    RESPONSES,
    BatchRequest,
    JsonObject,
    JsonValue,
)

_ENVELOPE = ("custom_id", "method", "url", "body")
_FOREIGN = frozenset(
    (
        "top_k",
        "min_p",
        "min_tokens",
        "repetition_penalty",
        "length_penalty",
        "stop_token_ids",
        "ignore_eos",
        "guided_json",
        "guided_regex",
        "guided_choice",
        "guided_grammar",
        "structured_outputs",
        "chat_template_kwargs",
        "disable_fallbacks",
        "safe_prompt",
        "random_seed",
        "output_dtype",
    )
)
"""Words that other servers with this dialect understand, and OpenAI itself refuses."""


def read(line: JsonObject, number: int) -> Reading:
    """Read a request line.

    Raises:
        Unsupported: the body is not an object.
    """
    reading = read_body(
        line.get("body"), str(line.get("custom_id", "")), number, line.get("url", CHAT), "body"
    )
    return replace(reading, losses=beside(line, _ENVELOPE))


def read_body(body: JsonValue, custom_id: str, number: int, endpoint: str, root: str) -> Reading:
    """Read a body that stands at ``root`` of its line.

    Raises:
        Unsupported: it is not an object, or its messages are no list.
    """
    if not isinstance(body, dict):
        raise Unsupported(f"{root} must be an object", path=root)
    model = body.get("model")
    params = {name: value for name, value in body.items() if name != "model"}
    messages = params.pop("messages", []) if endpoint == CHAT else []
    if not isinstance(messages, list):
        raise Unsupported(f"{root}.messages must be an array", path=f"{root}.messages")
    request = BatchRequest(
        custom_id, messages, params, number, model if isinstance(model, str) else None, endpoint
    )
    return Reading(request, Places(root))


def write(request: BatchRequest, losses: Losses, *, is_openai: bool = True) -> JsonObject:
    """Write a request line; ``is_openai`` leaves out what only other servers with this dialect understand."""
    params = dict(request.params)
    if is_openai:
        for name in _FOREIGN & params.keys():
            del params[name]
            losses.add(name, f"OpenAI has no {name}")
    body: JsonObject = {"model": request.model}
    if request.endpoint == CHAT:
        body["messages"] = request.messages
    return {
        "custom_id": request.custom_id,
        "method": "POST",
        "url": request.endpoint,
        "body": {**body, **params},
    }


# --- from one endpoint to another ---


def as_chat(reading: Reading, title: str) -> Reading:
    """Give a request of another endpoint as a chat, for ``title``, which has only that.

    Raises:
        Unsupported: a chat cannot say it.
    """
    request = reading.request
    if request.endpoint == RESPONSES:
        return responses.as_chat(reading)
    if request.endpoint != COMPLETIONS:
        raise Unsupported(f"{title} has no {request.endpoint}", path="url", hint=f"use {CHAT}")
    params = dict(request.params)
    prompt = params.pop("prompt", None)
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise Unsupported(
            f"{title} takes one prompt of text for each request",
            path=reading.places.own("prompt"),
            hint="write each prompt as a request of its own",
        )
    wanted = params.pop("logprobs", None)  # how many: a chat has a word for whether, and one for how many
    if wanted is not None:
        params |= {"logprobs": True, "top_logprobs": wanted}
    chat = BatchRequest(request.custom_id, [user_message(prompt)], params, request.line, request.model)
    losses = Losses()
    losses.found.extend(reading.losses)
    losses.add("url", f"{title} has no completions; the prompt became a message of the user")
    words = {"top_logprobs": reading.places.own("logprobs")}
    places = Places(reading.places.root, words, [reading.places.own("prompt")])
    return Reading(chat, places, tuple(losses.found))


def from_chat(request: BatchRequest, endpoint: str, losses: Losses) -> BatchRequest:
    """Give a chat as a request of another endpoint.

    Raises:
        Unsupported: that endpoint cannot say it.
    """
    if endpoint == request.endpoint:
        return request
    if endpoint == RESPONSES:
        return responses.from_chat(request, losses)
    if endpoint not in (COMPLETIONS, EMBEDDINGS):
        raise Unsupported(
            f"requests for {endpoint} cannot be made from messages", hint=f"use --endpoint {CHAT}"
        )
    text = "\n\n".join(_plain_text(message, at) for at, message in enumerate(request.messages))
    field = "prompt" if endpoint == COMPLETIONS else "input"
    params = {field: text, **request.params}
    return BatchRequest(request.custom_id, [], params, request.line, request.model, endpoint)


def _plain_text(message: JsonObject, at: int) -> str:
    content = message.get("content")
    if not isinstance(content, str):
        raise Unsupported("only messages of plain text can become a prompt", path=f"messages[{at}].content")
    return content
