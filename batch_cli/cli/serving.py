"""How the server is started: what was asked for, checked; the line that says it is ready."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from batch_cli.cli.context import Context
from batch_cli.engine.handlers.live.backend import Backend, read_base_url
from batch_cli.errors import ConfigError, ExitCode, UsageError, disk_error, quoted
from batch_cli.files import write_atomically
from batch_cli.model import JsonObject
from batch_cli.settings import key_in, state_directory

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}
_SHORTEST_TOKEN, _LONGEST_TOKEN = 16, 512


_BACKEND_KEY = "BACKEND_API_KEY"


@dataclass(frozen=True, slots=True)
class AskedBackend:
    """What was said about the model server; None is what was not said."""

    url: str | None
    concurrency: int | None
    seconds: float | None
    key_variable: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options as they were given."""

    host: str
    port: int
    port_file: Path | None
    data_dir: Path | None
    token_file: Path | None
    no_auth: bool
    allowed_hosts: tuple[str, ...]
    flavour: str
    speed: float
    max_body: str
    max_data: str
    prediction_models: tuple[str, ...]
    old_shapes: bool
    ui: bool
    backend: AskedBackend
    scenarios: tuple[str, ...]
    seed: int | None
    simulation: JsonObject


def serve(context: Context, asked: Asked) -> ExitCode:
    """Serve until a signal asks to stop."""
    from batch_cli.serve.scenarios.reading import load  # noqa: PLC0415 - kept out of --help
    from batch_cli.serve.scenarios.scenario import together  # noqa: PLC0415 - as above

    token = _token(asked)
    backend = _backend(asked, context.environment)
    scenario = together([load(given) for given in asked.scenarios])
    if asked.seed is not None:
        scenario = replace(scenario, seed=asked.seed)
    data_dir = asked.data_dir or state_directory(context.environment, context.shared.state_dir) / "serve"
    try:
        from batch_cli.serve.config import ServerConfig  # noqa: PLC0415 - with the server
        from batch_cli.serve.flavour import FLAVOURS  # noqa: PLC0415 - as above
        from batch_cli.serve.server import serve as run  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"serve needs the package {error.name}, which is not installed",
            hint="pip install 'batch-cli[serve]'",
        ) from error
    config = ServerConfig(
        data_dir=data_dir.absolute(),
        host=asked.host,
        port=asked.port,
        token=token,
        needs_key=not asked.no_auth,
        allowed_hosts=asked.allowed_hosts,
        flavour=FLAVOURS[asked.flavour],
        speed=asked.speed,
        max_body=_bytes("--max-body", asked.max_body),
        max_data=_bytes("--max-data", asked.max_data),
        prediction_models=asked.prediction_models,
        old_shapes=asked.old_shapes,
        ui=asked.ui,
        backend=backend,
        scenario=scenario,
        seed=scenario.seed,
        simulation=asked.simulation,
    )

    def ready(url: str) -> None:
        if asked.port_file is not None:
            write_atomically(asked.port_file, f"{url}\n".encode())
        console = context.console
        if console.json:
            auth = "token" if token else "none" if asked.no_auth else "any key"
            facts = {
                "url": url,
                "pid": os.getpid(),
                "data_dir": str(config.data_dir),
                "auth": auth,
                "scenario": scenario.name,
                "seed": config.seed,
            }
            console.document("serve", facts)
        else:
            console.line(url)
        console.flush()
        if backend is not None:
            console.say(f"requests are answered by {backend.url}, {backend.concurrency} of batches at once")
        console.say(f"serving from {config.data_dir}; Ctrl-C ends it")
        if asked.ui:
            console.say(f"the tester of its prediction endpoints: {url}/bench")
        if asked.scenarios:
            console.say(f"scenario {scenario.name}: {scenario.about}")

    _forget(asked.port_file)  # of a server that was killed
    try:
        run(config, context.clock, context.console.say, ready)
    finally:
        _forget(asked.port_file)
    context.console.say("stopped; batches that are not done go on with the next start")
    return ExitCode.OK


def list_scenarios(context: Context) -> ExitCode:
    """Show the scenarios that are built in."""
    from batch_cli.cli.tables import Column, Table, show  # noqa: PLC0415 - kept out of --help
    from batch_cli.serve.scenarios.built_in import BUILT_IN  # noqa: PLC0415 - as above

    if context.console.json:
        known = [{"name": name, **document} for name, document in BUILT_IN.items()]
        context.console.document("scenarios", {"scenarios": known})
        return ExitCode.OK
    columns = (Column("scenario", "Scenario", whole=True), Column("about", "What goes wrong"))
    rows = [[name, document["description"]] for name, document in BUILT_IN.items()]
    show(context.console, Table("Scenarios", columns, rows), None)
    return ExitCode.OK


def _forget(port_file: Path | None) -> None:
    if port_file is not None:
        with contextlib.suppress(OSError):
            port_file.unlink()


def _backend(asked: Asked, environment: Mapping[str, str]) -> Backend | None:
    """Give the model server that was named, with its key."""
    given = asked.backend
    if given.url is None:
        if given != AskedBackend(None, None, None, None):
            raise UsageError("--backend-... means nothing without --backend", hint="add --backend URL")
        return None
    if any(asked.simulation.values()):
        raise UsageError("--backend and --simulate-... do not go together", hint="leave one of them out")
    url = read_base_url(given.url)
    key = key_in(given.key_variable or _BACKEND_KEY, environment)
    if given.key_variable is not None and key is None:
        raise ConfigError(
            f"{quoted(given.key_variable)} environment variable is not set",
            hint="export it with the model server's key, or leave --backend-key-env out",
        )
    usual = Backend(url)
    return Backend(url, key, given.concurrency or usual.concurrency, given.seconds or usual.seconds)


def _token(asked: Asked) -> str | None:
    """Read the key that clients must send, and refuse to be open to others without one."""
    if asked.token_file is not None:
        if asked.no_auth:
            raise UsageError("--token-file and --no-auth do not go together", hint="leave one of them out")
        return _read_token(asked.token_file)
    if not _is_loopback(asked.host):
        raise UsageError(
            f"{quoted(asked.host)} can be reached from other machines: that needs --token-file",
            hint="(umask 077; openssl rand -hex 32 > token.txt), then --token-file token.txt",
        )
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read_token(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            mode, text = os.fstat(descriptor).st_mode, os.read(descriptor, _LONGEST_TOKEN + 2)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise disk_error(error, path, doing="reading") from error
    if mode & 0o077:
        raise ConfigError(f"others can read {quoted(str(path))}", hint=f"chmod 600 {path}")
    token = text.decode("utf-8", "replace").strip()
    if not (_SHORTEST_TOKEN <= len(token) <= _LONGEST_TOKEN and token.isascii() and token.isprintable()):
        raise ConfigError(
            f"{quoted(str(path))} holds no key: {_SHORTEST_TOKEN} to {_LONGEST_TOKEN} printable ASCII characters",
            hint=f"(umask 077; openssl rand -hex 32 > {path})",
        )
    return token


def _bytes(option: str, text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,15})\s*([kmg]?b)?", text.strip().lower())
    size = int(found[1]) * _UNITS[found[2] or ""] if found else 0
    if size <= 0:
        raise UsageError(f"{option} must be a size, not {quoted(text)}", hint=f"for example {option} 512MB")
    return size
