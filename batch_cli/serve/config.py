"""What a server was told when it was started."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from batch_cli.engine.handlers.live.backend import LIVE, Backend
from batch_cli.model import JsonObject
from batch_cli.serve.flavour import OPENAI, Flavour
from batch_cli.serve.scenarios.scenario import Scenario
from batch_cli.serve.wires import Wire

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """How one server behaves; nothing in it changes while the server runs."""

    data_dir: Path
    """Where files, batches and the engine's queue live; one server at a time."""
    host: str = "127.0.0.1"
    port: int = 0
    """0: any free one."""
    token: str | None = None
    """The only key that is accepted; None: any key."""
    needs_key: bool = True
    """A request of a wire without any key is refused, as a provider would refuse it."""
    allowed_hosts: tuple[str, ...] = ()
    """Names, besides the loopback's and ``host``, that a Host header may hold."""
    flavour: Flavour = OPENAI
    """Which server of the OpenAI wire it is like."""
    speed: float = 1.0
    """How many seconds of the server's clock pass in a second."""
    max_body: int = 512_000_000
    """Bytes of one upload."""
    max_data: int = 20_000_000_000
    """Bytes of all stored files."""
    prediction_models: tuple[str, ...] = ()
    """Models of the prediction endpoints besides the samples: ``[NAME=]file.py:function``."""
    old_shapes: bool = False
    """Answer predictions as old servers did where their documentation says otherwise."""
    ui: bool = False
    """Serve the page ``/bench``, which tests the prediction endpoints from a browser."""
    simulation: JsonObject = field(default_factory=dict)
    """How the simulated model behaves, in the words of a batch's settings; its latency in seconds of this clock."""
    scenario: Scenario = field(default_factory=Scenario)
    """What goes wrong on purpose."""
    seed: int | None = None
    """Makes chance and ids repeatable; None: ids nobody can guess, and chance from the scenario's own seed, or 0."""
    backend: Backend | None = None
    """The model server that answers in place of the simulated model; then OpenAI's wire alone is served."""

    @property
    def hosts(self) -> frozenset[str]:
        """Give the names under which the server may be called, in lower case."""
        return frozenset(name.lower() for name in (*LOOPBACK_HOSTS, self.host, *self.allowed_hosts))

    def handler_settings(self, wire: Wire) -> JsonObject:
        """Give the settings of a batch of ``wire``: a model server's, or the simulated model's."""
        if self.backend is not None and wire == "openai":
            return {"handler": LIVE}
        return self.simulation_settings()

    def simulation_settings(self) -> JsonObject:
        """Give the settings of the simulated model, in real seconds."""
        latency = float(self.simulation.get("latency", 0)) / self.speed
        return {**self.simulation, "latency": latency}
