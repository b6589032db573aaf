"""Where a provider takes single requests: addresses, headers, and the path that a request line goes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from batch_cli.config import Service
from batch_cli.engine.handlers.live.backend import read_base_url
from batch_cli.engine.handlers.live.reading import EMBED, GENERATE
from batch_cli.errors import UsageError, quoted
from batch_cli.httpclient.origin import Origin
from batch_cli.jsonl import dumps_exactly, loads_exactly
from batch_cli.model import MESSAGES, JsonObject, Secret
from batch_cli.providers.hosted import anthropic, anthropic_version
from batch_cli.providers.hosted.connection import origin_of
from batch_cli.providers.hosted.google import api as google
from batch_cli.providers.hosted.profile import Profile, named_profile, profile

_MOST_WEIGHT = 1_000
Environment = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Address:
    """One base URL, and its share of the requests."""

    url: str
    weight: int = 1

    def __str__(self) -> str:
        """Write it as it is typed."""
        return self.url if self.weight == 1 else f"{self.url}={self.weight}"


@dataclass(frozen=True, slots=True)
class Destination:
    """How a provider's live endpoints are spoken to."""

    address: Callable[[Environment], str]
    """Gives the base URL: what the environment says, else the provider's own."""
    as_call: Callable[[JsonObject], JsonObject] | None = None
    """Makes of a parsed request line what the engine keeps: ``custom_id``, ``url``, ``body``; None: it is that."""
    key_header: Callable[[Environment, Secret | None], str] = lambda _environment, _key: "authorization"
    headers: Callable[[Environment], Mapping[str, str]] = field(default=lambda _environment: {})
    version: Callable[[Environment], str] = lambda _environment: ""
    """Gives the path between the address and the endpoints, where an address is given without it."""
    is_paid: bool = True
    predicts: bool = False
    """What it gives are predictions, in the words of a wire of their own."""
    root: str | None = None
    """The path of an address that the user gives without one; None: the version, or OpenAI's."""

    def root_path(self, environment: Environment) -> str:
        """Give the path of an address that the user gives without one."""
        return self.root if self.root is not None else self.version(environment) or "/v1"


def destination(name: str, service: Service | None) -> Destination:
    """Find how a provider, or a service that the user has named, is asked live."""
    match name:
        case "anthropic":
            return Destination(
                lambda environment: str(
                    origin_of(environment, (anthropic.BASE_URL_VARIABLE,), anthropic.BASE_URL)
                ),
                _messages,
                key_header=lambda environment, key: (
                    "authorization" if anthropic_version.wants_bearer(environment, key) else "x-api-key"
                ),
                headers=lambda environment: {"anthropic-version": anthropic_version.version_of(environment)},
                version=lambda _environment: "/v1",
            )
        case "google":
            return Destination(
                lambda environment: str(origin_of(environment, google.BASE_URL_VARIABLES, google.BASE_URL)),
                _generate,
                key_header=lambda _environment, _key: "x-goog-api-key",
                version=lambda environment: f"/{google.version_of(environment)}",
            )
        case "local":
            return Destination(_no_address, is_paid=False)
        case "spice":
            return _predictions("SPICE_BASE_URL", "http://localhost:8090", "/v1")
        case "torch":
            return _predictions("TORCH_BASE_URL", "http://localhost:8000", "")
        case "onnx" | "function":
            return Destination(_no_address, is_paid=False, predicts=True)
        case _:
            return _on_openai_wire(named_profile(service) if service is not None else profile(name))


def _on_openai_wire(found: Profile) -> Destination:
    def headers(environment: Environment) -> Mapping[str, str]:
        given = {header: environment.get(name, "").strip() for header, name in found.headers.items()}
        return {header: value for header, value in given.items() if value}

    return Destination(
        lambda environment: str(
            origin_of(environment, found.base_url_variables, found.base_url, found.root_paths)
        ),
        key_header=lambda _environment, _key: found.key_header,
        headers=headers,
    )


def _predictions(variable: str, default: str, root: str) -> Destination:
    def address(environment: Environment) -> str:
        given = environment.get(variable, "").strip() or default
        return read_base_url(given, variable, "put the key into the variable of the key", root)

    return Destination(
        address,
        key_header=lambda _environment, _key: "x-api-key",
        is_paid=False,
        predicts=True,
        root=root,
    )


def _no_address(_environment: Environment) -> str:
    raise UsageError(
        "a local model server is asked at the address that you give",
        hint="for example --base-url http://localhost:11434/v1",
    )


# --- addresses that the user gives ---


def read_addresses(given: Sequence[str], root_path: str, *, with_key: bool) -> list[Address]:
    """Read ``--base-url URL`` and ``URL=WEIGHT``; requests with a key go in the clear to this machine alone.

    ``root_path`` is the path of a URL that has none.

    Raises:
        UsageError: one of them is no address.
        ConfigError: a key would be sent over a network in the clear.
    """
    found = [_address(text, root_path, with_key=with_key) for text in given]
    if len({one.url for one in found}) < len(found):
        raise UsageError("--base-url: the same address twice", hint="give it once, with a weight: URL=2")
    return found


def _address(text: str, root_path: str, *, with_key: bool) -> Address:
    url, equals, weight = text.rpartition("=")
    if not (equals and weight.isdecimal()):
        url, weight = text, "1"
    if not 1 <= int(weight) <= _MOST_WEIGHT:
        raise UsageError(f"--base-url: a weight is 1 to {_MOST_WEIGHT}, not {quoted(weight)}", hint="URL=2")
    found = read_base_url(url, "--base-url", "put the key into the provider's variable", root_path)
    if with_key:
        Origin.parse(found, "--base-url")
    return Address(found, int(weight))


# --- from request lines to what the engine keeps ---


def _messages(line: JsonObject) -> JsonObject:
    return {"custom_id": line["custom_id"], "url": MESSAGES, "body": line["params"]}


def _generate(line: JsonObject) -> JsonObject:
    """Write a call whose model is the batch's, as everywhere in this dialect."""
    request = line["request"]
    method = GENERATE if "contents" in request else EMBED
    return {"custom_id": line["key"], "url": method, "body": request}


def as_call(target: Destination, line: bytes) -> bytes:
    """Write a request line as the engine keeps it; integers of any size stay what they are."""
    return line if target.as_call is None else dumps_exactly(target.as_call(loads_exactly(line)))
