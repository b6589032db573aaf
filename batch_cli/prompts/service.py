"""A live model that prompts are sent to: where it is, how a prompt is written for it, what its answer says.

Each provider's requests are written, and its answers read, by the codec of its batches; this adds the address, the
path and the header of the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from batch_cli.config import Services
from batch_cli.dialects.base import Unsupported
from batch_cli.engine.handlers.live.backend import Backend, read_base_url
from batch_cli.engine.handlers.live.reading import read_answer
from batch_cli.engine.handlers.live.transport import Answer as HttpAnswer
from batch_cli.error_taxonomy import ErrorKind, judge
from batch_cli.errors import UsageError
from batch_cli.httpclient.mask import Mask
from batch_cli.jsonl import dumps_exactly, loads_exactly
from batch_cli.model import (
    CHAT,
    COMPLETIONS,
    MESSAGES,
    BatchRequest,
    JsonObject,
    ResultError,
    Secret,
    object_of,
)
from batch_cli.providers import REGISTRY, entry, load_codec
from batch_cli.providers.base import Answer, Codec, EncodeOptions
from batch_cli.providers.hosted.profile import named_profile, profile
from batch_cli.token_usage import Tokens, tokens_of

_ALIASES = {"gemini": "google"}
_BODIES = ("body", "params", "request")
"""Where the request lines of the dialects hold what is sent live."""
_ANTHROPIC_VERSION = "2023-06-01"
_BAD_ANSWER = "backend_bad_answer"
"""The code of an answer that is none of the wire's, as `engine.handlers.live.reading` has it."""
_GENERATE = "generateContent"
"""What Gemini's answers are called where others have a path of OpenAI's."""


@dataclass(frozen=True, slots=True)
class PromptOptions:
    """How every prompt is answered."""

    max_tokens: int | None = 256
    temperature: float | None = 0
    """None: not sent, so that the model's own counts; Anthropic's models have none for the first."""
    top_p: float = 1.0
    """Sent if it is not 1, which is what everybody does without it; newer models refuse it beside a temperature."""
    seconds: float = 60.0
    """For one request, from connecting to the last byte of its answer."""
    retries: int = 0
    """How often a prompt is asked again after a failure that may pass: a 429, a 5xx, a broken connection."""
    extra: Mapping[str, object] = field(default_factory=dict)
    """More members of the body, in the provider's own words."""


@dataclass(frozen=True, slots=True)
class Service:
    """One model at one address."""

    provider: str
    model: str
    backend: Backend
    url: str
    """Where prompts are posted."""
    wire: str
    """OpenAI's path, Anthropic's, or `_GENERATE`: whose answers come."""
    codec: Codec
    mask: Mask
    """Takes the key out of what the server says back."""

    def check(self, options: PromptOptions) -> None:
        """Refuse what would fail with every prompt.

        Raises:
            UsageError: the provider takes no such option, or something in ``extra`` cannot be written as JSON.
        """
        try:
            self.write("Hi", options)
        except Unsupported as error:
            raise UsageError(str(error), hint="change it, or leave it out") from error
        except (TypeError, ValueError) as error:
            raise UsageError(f"the parameters cannot be written as JSON: {error}") from error

    def write(self, prompt: str, options: PromptOptions) -> bytes:
        """Give the body that asks for an answer to a prompt, with options that `check` lets pass.

        Raises:
            ValueError: the prompt is no Unicode text.
        """
        extra = dict(options.extra)
        messages = [{"role": "user", "content": prompt}]
        if self.wire == COMPLETIONS:
            messages, extra = [], {"prompt": prompt, **extra}
        params = {} if options.top_p == 1 else {"top_p": options.top_p}
        encode = EncodeOptions(
            self.model,
            max_tokens=options.max_tokens,
            temperature=options.temperature,
            endpoint=COMPLETIONS if self.wire == COMPLETIONS else CHAT,
            extra=extra,
        )
        line = loads_exactly(self.codec.encode_line(BatchRequest("", messages, params, 1), encode))
        return dumps_exactly(next(line[name] for name in _BODIES if name in line))

    def read(self, answer: HttpAnswer) -> tuple[str | ResultError, Tokens]:
        """Give the text of an answer, or why there is none, and the tokens it says it took; the key is in neither."""
        masked = HttpAnswer(answer.status, self.mask.headers(answer.headers), self.mask.body(answer.body))
        reply = read_answer(self.wire, masked)
        if not reply.is_good:
            error = object_of(reply.body.get("error"))
            said = ResultError(str(error.get("type")), str(error.get("message")), error.get("code"))
            return said, Tokens()
        return self._text(reply.body), tokens_of(reply.body)

    def _text(self, body: JsonObject) -> str | ResultError:
        found = self.codec.answer(body) or _empty_answer(body)
        if found is None:
            return _without_text(body)
        if found.refusal:
            return ResultError("refusal", f"the model refused: {found.refusal}")
        reason = ResultError(found.finish_reason or "", "")
        if not found.text and judge(reason).kind is ErrorKind.FILTERED:
            return replace(reason, message=f"a filter took the answer away ({reason.type[:64]})")
        return found.text


def _empty_answer(body: JsonObject) -> Answer | None:
    """Give an answer without a text where the model has said that it ended, in the frame of any wire."""
    several = body.get("choices", body.get("candidates"))
    first = object_of(several[0]) if isinstance(several, list) and several else {}
    if isinstance(body.get("content"), list):
        first = body
    reasons = [first[name] for name in ("finish_reason", "finishReason", "stop_reason") if name in first]
    return Answer("", str(reasons[0])) if reasons else None


def _without_text(body: JsonObject) -> ResultError:
    # Gemini says of a question that it was taken away, and then has no answers.
    reason = object_of(body.get("promptFeedback")).get("blockReason")
    if isinstance(reason, str):
        return ResultError("content_filter", f"a filter took the prompt away ({reason[:64]})")
    what = ", ".join(sorted(body))[:200] or "nothing"
    return ResultError("bad_answer", f"the answer holds no text, but {what}", _BAD_ANSWER)


def open_service(
    provider: str,
    model: str,
    key: Secret | None,
    *,
    environment: Mapping[str, str],
    endpoint: str | None = None,
    chat: bool = True,
) -> Service:
    """Find out where a model is and how it is asked; nobody is called.

    Its address is ``endpoint``, else what a variable of the provider says, else the provider's own; a slash at
    its end and a missing version do no harm.
    ``chat=False`` asks OpenAI's older ``/completions``, which a few servers have alone.

    Raises:
        UsageError: the provider is not known or needs an endpoint, which is no address or would be spoken to in
            the clear over the Internet; or it has no ``/completions``.
    """
    name = _ALIASES.get(provider, provider)
    services = Services(environment, REGISTRY)
    place = _place(name, model, services)
    set_ones = (value for one in place.variables if (value := environment.get(one, "").strip()))
    base_url = endpoint or next(set_ones, None) or place.base_url
    if base_url is None:
        raise UsageError(
            f"{provider} has no address of its own", hint="give endpoint='https://…', up to its version"
        )
    if not chat and place.wire != CHAT:
        raise UsageError(f"{provider} has no completions", hint="leave out chat=False")
    base = read_base_url(base_url, "endpoint", "give the key as api_key", place.root_path)
    if not base.endswith(place.versions):
        base += place.root_path
    wire = place.wire if chat else COMPLETIONS
    backend = Backend(base, key, key_header=place.key_header, headers=place.headers)
    return Service(
        name,
        model,
        backend,
        base + (COMPLETIONS.removeprefix("/v1") if wire == COMPLETIONS else place.path),
        wire,
        load_codec(name, services),
        Mask({} if key is None else {"authorization": key.reveal()}),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a provider answers live, and how it wants to be asked."""

    base_url: str | None
    variables: tuple[str, ...] = ()
    """Environment variables that replace it, the first that is set wins."""
    root_path: str = "/v1"
    """The path of a base URL that comes without one."""
    versions: tuple[str, ...] = ("",)
    """How a base URL may end; else ``root_path`` is added, because the provider's own clients add it."""
    path: str = CHAT.removeprefix("/v1")
    wire: str = CHAT
    key_header: str = "authorization"
    headers: Mapping[str, str] = field(default_factory=dict)


def _place(name: str, model: str, services: Services) -> _Place:
    entry(name, services=services)
    match name:
        case "anthropic":
            return _Place(
                "https://api.anthropic.com/v1",
                ("ANTHROPIC_BASE_URL",),
                versions=("/v1",),
                path="/messages",
                wire=MESSAGES,
                key_header="x-api-key",
                headers={"anthropic-version": _ANTHROPIC_VERSION},
            )
        case "google":
            return _Place(
                "https://generativelanguage.googleapis.com/v1beta",
                ("GOOGLE_GEMINI_BASE_URL", "GOOGLE_BASE_URL"),
                root_path="/v1beta",
                versions=("/v1beta", "/v1"),
                path=f"/models/{quote(model.removeprefix('models/'), safe='')}:{_GENERATE}",
                wire=_GENERATE,
                key_header="x-goog-api-key",
            )
        case "local":
            return _Place(None)
    named = None if name in REGISTRY else services.get(name)
    known = profile(name) if named is None else named_profile(named)
    root_path = next(iter(known.root_paths.values()), "/v1")
    return _Place(known.base_url, known.base_url_variables, root_path, key_header=known.key_header)
