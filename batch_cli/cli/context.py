"""What a command's run function is given: the shared options, the streams, the way to the core."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from batch_cli.cli.console import ColorWhen, Console
from batch_cli.cli.progress import ProgressMode, Reporter
from batch_cli.clock import Clock, SystemClock
from batch_cli.settings import state_directory

if TYPE_CHECKING:
    from batch_cli.config import Services
    from batch_cli.engine.cluster.wishes import ClusterWishes
    from batch_cli.engine.handlers.live.options import LiveWishes
    from batch_cli.jobs.workspace import Workspace


@dataclass(frozen=True, slots=True)
class SharedOptions:
    """The options that every command has."""

    json: bool = False
    state_dir: Path | None = None
    quiet: int = 0
    verbose: int = 0
    color: ColorWhen = ColorWhen.AUTO
    progress: ProgressMode = ProgressMode.AUTO
    api_key_file: Path | None = None
    lock_timeout: float = 0.0
    no_simulate: bool = False
    interval: float | None = None


@dataclass
class Context:
    """One run of one command."""

    command: str
    shared: SharedOptions
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    clock: Clock = field(default_factory=SystemClock)
    console: Console = field(init=False)

    def __post_init__(self) -> None:
        """Make the console as the options ask."""
        shared = self.shared
        self.console = Console(self.environment, shared.quiet, shared.verbose, shared.color, shared.json)

    @cached_property
    def services(self) -> Services:
        """The services that the user has named."""
        from batch_cli.config import Services  # noqa: PLC0415 - not for help
        from batch_cli.providers import REGISTRY  # noqa: PLC0415

        return Services(self.environment, REGISTRY)

    @contextmanager
    def workspace(
        self,
        live: LiveWishes | None = None,
        *,
        is_direct: bool = False,
        cluster: ClusterWishes | None = None,
    ) -> Iterator[Workspace]:
        """Give the core's surroundings, with a listener that shows progress while they are in use.

        ``is_direct``: new batches are asked live, as ``live`` says. ``cluster``: who works at what runs here.
        """
        from batch_cli.jobs.workspace import Workspace  # noqa: PLC0415 - SQLite, not for help

        with Reporter(self.console, self.clock, self.shared.progress) as reporter:
            workspace = Workspace(
                directory=Path.cwd(),
                state=state_directory(self.environment, self.shared.state_dir),
                environment=self.environment,
                clock=self.clock,
                listener=reporter,
                key_file=self.shared.api_key_file,
                lock_timeout=self.shared.lock_timeout,
                no_simulate=self.shared.no_simulate,
                interval=self.shared.interval,
                is_direct=is_direct,
                live=live,
                cluster=cluster,
            )
            try:
                yield workspace
            finally:
                workspace.close()

    @property
    def may_ask(self) -> bool:
        """Tell whether a person is there to answer a question."""
        return (
            sys.stdin is not None
            and sys.stdin.isatty()
            and sys.stderr is not None
            and sys.stderr.isatty()
            and not self.environment.get("CI")
        )
