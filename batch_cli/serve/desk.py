"""What the routes of every wire work with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from batch_cli.clock import Clock
from batch_cli.engine.handlers.live.backend import Backend
from batch_cli.engine.store import Store
from batch_cli.serve.config import ServerConfig
from batch_cli.serve.contents import Contents
from batch_cli.serve.fast_clock import FastClock
from batch_cli.serve.ids import Ids
from batch_cli.serve.metrics import Metrics
from batch_cli.serve.records import Records
from batch_cli.serve.upload_records import UploadRecords

if TYPE_CHECKING:
    from batch_cli.engine.handlers.live.connection import Connection


@dataclass(slots=True)
class Desk:
    """The stores, the clock and the counts of one server, as the event loop uses them."""

    config: ServerConfig
    records: Records
    uploads: UploadRecords
    contents: Contents
    engine: Store
    clock: FastClock
    machine_clock: Clock
    ids: Ids
    metrics: Metrics = field(default_factory=Metrics)
    arriving: int = 0
    """Bytes of the uploads that are on their way."""

    _connection: Connection | None = None

    @classmethod
    def open(cls, config: ServerConfig, clock: Clock) -> Self:
        """Open the data directory, which the caller has locked, and sweep away what a crash left half-done.

        Raises:
            DiskError: it cannot be used.
        """
        records, contents = Records(config.data_dir), Contents(config.data_dir)
        uploads = UploadRecords(config.data_dir)
        contents.sweep(records.file_ids() | uploads.part_ids())
        start = max(clock.now(), records.latest_moment(), uploads.latest_moment())
        engine = Store(config.data_dir / "engine", clock)
        fast = FastClock(clock, start, config.speed)
        ids = Ids(config.seed, max(records.latest_moment(), uploads.latest_moment()))
        return cls(config, records, uploads, contents, engine, fast, clock, ids)

    def connection(self, backend: Backend) -> Connection:
        """Give the connection to the model server, the same for all live requests; from the event loop."""
        from batch_cli.engine.handlers.live.connection import Connection  # noqa: PLC0415 - 200 ms

        if self._connection is None:
            self._connection = Connection(backend)
        return self._connection

    async def disconnect(self) -> None:
        """Close the connection to the model server, if there is one."""
        if self._connection is not None:
            await self._connection.close()

    def close(self) -> None:
        """Close the databases."""
        self.engine.close()
        self.uploads.close()
        self.records.close()

    def room(self) -> int:
        """Give how many bytes may still be stored, those on their way among them."""
        return self.config.max_data - self.records.file_totals()[1] - self.uploads.stored_bytes()

    def free(self) -> int:
        """Give how many bytes may still be stored besides those on their way."""
        return self.room() - self.arriving
