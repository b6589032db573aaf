"""Where the contract of providers is tested: each provider, and a real server for those that are elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from batch_cli.clock import Clock, SystemClock
from batch_cli.engine.handlers.live.options import LiveOptions, LiveWishes
from batch_cli.jsonl import dumps
from batch_cli.local_models.samples import example
from batch_cli.model import Secret
from batch_cli.providers import PREDICTORS, open_provider
from batch_cli.providers.base import BatchOptions, Input, Place, Provider
from batch_cli.providers.direct.provider import Direct
from batch_cli.providers.google import GOOGLE
from batch_cli.providers.hosted.google.batches import GoogleBatches
from tests.mistral_server import MistralServer
from tests.onnx_files import doubling
from tests.serving import ServerProcess
from tests.support import chat

KEY = "bci_" + "1f" * 16
URL = "/v1/chat/completions"


@dataclass(frozen=True)
class Ground:
    """How a provider is reached in a test."""

    name: str
    base_url: tuple[str, str] | None
    """The variable that holds its base URL, and what follows the server's address in it; None: it runs here."""
    line: Callable[[str, str], Any]
    """Makes a request of an id and a text."""
    model: str = "simulate"
    serve: tuple[str, ...] = ()
    """More words for its server."""
    mistral: bool = False
    """Its server is `tests.mistral_server`."""
    names_unstarted: bool = True
    """A cancelled batch has rows for the requests that never started, too."""
    ids: tuple[str, ...] = (
        "ü\u2028é",
        "</script>",
        "[/red]",
        "=1+1",
        "a" * 64,
        'quote"\\',
        "18446744073709551616",
    )
    """Strange ones that it takes."""
    open: Callable[[Place, Clock], Provider] | None = None
    """Opens it in another way than the table does."""
    keeps_cancelled: bool = True
    """What a cancelled batch had answered can be had."""
    said: Callable[[str], str] = lambda text: text
    """Gives what the answer to a text holds."""
    failing: Callable[[str, str], Any] | None = None
    """Makes a request that fails, where a server cannot be told to let some fail."""
    before_cancel: float = 1.2
    """Seconds in which it answers some of many requests, and not all."""
    package: str = ""
    """What has to be installed for it."""
    case: str = ""
    """Which of several grounds of one provider it is."""


def generate(key: str, text: str) -> dict[str, Any]:
    """Give a Gemini request line."""
    return {"key": key, "request": {"contents": [{"role": "user", "parts": [{"text": text}]}]}}


def google_by_file(place: Place, clock: Clock) -> Provider:
    """Open Google so that it takes no requests inline."""
    return GoogleBatches(GOOGLE, place, clock, inline_bytes=0)


def message(custom_id: str, text: str) -> Any:
    """Give an Anthropic request line."""
    params = {"model": "claude-x", "max_tokens": 100, "messages": [{"role": "user", "content": text}]}
    return {"custom_id": custom_id, "params": params}


def mistral_line(custom_id: str, text: str) -> Any:
    line = chat(custom_id, text)
    return {"custom_id": custom_id, "body": {"messages": line["body"]["messages"]}}


def name_line(custom_id: str, _text: str) -> Any:
    """Give a row of a Spice runtime, whose models bring their own data."""
    body = {"model_name": "mean"}
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/predict", "body": body}


def failing_name(custom_id: str, _text: str) -> Any:
    return {**name_line(custom_id, ""), "body": {"model_name": "failing"}}


def input_line(custom_id: str, text: str) -> Any:
    """Give a row to predict from."""
    return {"custom_id": custom_id, "method": "POST", "url": "/predict", "body": {"inputs": text}}


def failing_input(custom_id: str, _text: str) -> Any:
    return {**input_line(custom_id, ""), "body": {"inputs": 7, "model_name": "failing"}}


def numbers_line(custom_id: str, text: str) -> Any:
    return {**input_line(custom_id, ""), "body": {"inputs": [len(text), 1]}}


def failing_numbers(custom_id: str, _text: str) -> Any:
    return {**input_line(custom_id, ""), "body": {"inputs": [1, 2, 3]}}


def onnx_model(directory: Path, latency: float) -> None:
    del latency
    doubling(directory / "double.onnx")


def function_model(directory: Path, latency: float) -> None:
    """Write a model that takes its time over each row."""
    code = f"import time\ndef length(text):\n    time.sleep({latency})\n    return len(text)\n"
    (directory / "model.py").write_text(code)


MODELS = {"onnx": onnx_model, "function": function_model}
ONE_BY_ONE = LiveWishes(options=LiveOptions(concurrency=1, per_minute=60, rows=1))
"""Predictions cannot be told to take their time, only be asked for slowly."""

GROUNDS = [
    Ground("local", None, chat),
    Ground("openai", ("OPENAI_BASE_URL", "/v1"), chat),
    Ground("azure", ("AZURE_OPENAI_BASE_URL", "/v1"), chat),
    Ground("groq", ("GROQ_BASE_URL", "/v1"), chat),
    Ground("mistral", ("MISTRAL_BASE_URL", "/v1"), mistral_line, mistral=True, names_unstarted=False),
    Ground("regolo", ("REGOLO_BASE_URL", "/v1"), chat, serve=("--flavour", "regolo")),
    Ground(
        "anthropic",
        ("ANTHROPIC_BASE_URL", ""),
        message,
        ids=("a" * 64, "-", "_", "0", "18446744073709551616"),
    ),
    Ground("google", ("GOOGLE_GEMINI_BASE_URL", ""), generate, "gemini-2.0-flash", keeps_cancelled=False),
    Ground(
        "google",
        ("GOOGLE_BASE_URL", ""),
        generate,
        "models/gemini-2.0-flash",
        open=google_by_file,
        keeps_cancelled=False,
        case="file",
    ),
    Ground("spice", ("SPICE_BASE_URL", ""), name_line, said=lambda _text: "15.02", failing=failing_name),
    Ground(
        "torch",
        ("TORCH_BASE_URL", ""),
        input_line,
        "example",
        said=lambda text: str(example(text)[0]),
        failing=failing_input,
    ),
    Ground(
        "onnx",
        None,
        numbers_line,
        "double.onnx",
        said=lambda text: f"[{2.0 * len(text)},2.0]",
        failing=failing_numbers,
        before_cancel=0.0,
        package="onnxruntime",
    ),
    Ground(
        "function",
        None,
        input_line,
        "model.py:length",
        said=lambda text: f"[{float(len(text))}]",
        failing=failing_input,
    ),
]


Server = ServerProcess | MistralServer


class Servers:
    """Servers by their words, started when they are first wanted; each keeps running for all tests of a session."""

    def __init__(self, directory: Callable[[str], Path]) -> None:
        self._directory = directory
        self._running: dict[tuple[object, ...], Server] = {}

    def get(self, *words: str) -> Server:
        if words not in self._running:
            self._running[words] = ServerProcess(self._directory("server"), *words)
        return self._running[words]

    def mistral(self, errors: float, latency: float) -> Server:
        key = ("mistral", errors, latency)
        if key not in self._running:
            self._running[key] = MistralServer(errors, latency)
        return self._running[key]

    def stop(self) -> None:
        for server in self._running.values():
            server.kill()


class Runner:
    """A provider at work."""

    def __init__(self, ground: Ground, servers: Servers, directory: Path) -> None:
        self.ground, self._servers, self._directory = ground, servers, directory
        self.settings: dict[str, Any] = {}
        self.provider = self.open()

    def open(self, *, errors: float = 0.0, latency: float = 0.0, state: str = "state") -> Provider:
        """Open the provider, whose model fails or takes its time; another ``state`` is another machine."""
        environment = {}
        self._fails = bool(errors) and self.ground.failing is not None
        live = ONE_BY_ONE if latency and self.ground.name in PREDICTORS else None
        if self.ground.name in MODELS:
            MODELS[self.ground.name](self._directory, latency)
        elif self.ground.base_url is None:
            self.settings = {"error_rate": errors, "latency": latency, "seed": 3}
        else:
            words = [*self.ground.serve]
            if errors:
                words += ["--simulate-errors", str(errors), "--simulate-seed", "3"]
            if latency:
                words += ["--simulate-latency", str(int(latency * 1000))]
            variable, path = self.ground.base_url
            server = (
                self._servers.mistral(errors, latency) if self.ground.mistral else self._servers.get(*words)
            )
            environment[variable] = server.url + path
        place = Place(self._directory / state, environment, Secret("sk-test"), live=live)
        self.close()
        opened = self.ground.open or partial(open_provider, self.ground.name)
        self.provider = opened(place, SystemClock())
        if isinstance(self.provider, Direct):
            self.settings = self.provider.settings(self.ground.model, self._directory)
        return self.provider

    def close(self) -> None:
        if hasattr(self, "provider"):
            self.provider.close()

    def lines(self, count: int) -> list[Any]:
        failing = self.ground.failing if self._fails else None
        makers = (self.ground.line, failing or self.ground.line)
        return [makers[n % 2](f"r{n}", f"text {n}") for n in range(count)]

    def source(self, lines: list[Any]) -> Input:
        encoded = [line if isinstance(line, bytes) else dumps(line) for line in lines]
        whole = b"".join(line + b"\n" for line in encoded)
        return Input(lambda: iter(encoded), len(encoded), len(whole), sha256(whole).hexdigest())

    def start(self, lines: list[Any], key: str = KEY) -> str:
        self.staged = self.provider.stage(key, self.source(lines))
        options = BatchOptions(URL, self.ground.model, len(lines), {"k": "v"}, self.settings)
        return self.provider.create(key, self.staged, options).id
