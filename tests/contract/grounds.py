"""Where the contract of providers is tested: each provider, and a real server for those that are elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from batch_cli.clock import Clock, SystemClock
from batch_cli.jsonl import dumps
from batch_cli.model import Secret
from batch_cli.providers import open_provider
from batch_cli.providers.base import BatchOptions, Input, Place, Provider
from batch_cli.providers.google import GOOGLE
from batch_cli.providers.hosted.google.batches import GoogleBatches
from tests.mistral_server import MistralServer
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
        if self.ground.base_url is None:
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
        place = Place(self._directory / state, environment, Secret("sk-test"))
        self.close()
        opened = self.ground.open or partial(open_provider, self.ground.name)
        self.provider = opened(place, SystemClock())
        return self.provider

    def close(self) -> None:
        if hasattr(self, "provider"):
            self.provider.close()

    def lines(self, count: int) -> list[Any]:
        return [self.ground.line(f"r{n}", f"text {n}") for n in range(count)]

    def source(self, lines: list[Any]) -> Input:
        encoded = [line if isinstance(line, bytes) else dumps(line) for line in lines]
        whole = b"".join(line + b"\n" for line in encoded)
        return Input(lambda: iter(encoded), len(encoded), len(whole), sha256(whole).hexdigest())

    def start(self, lines: list[Any], key: str = KEY) -> str:
        self.staged = self.provider.stage(key, self.source(lines))
        options = BatchOptions(URL, self.ground.model, len(lines), {"k": "v"}, self.settings)
        return self.provider.create(key, self.staged, options).id
