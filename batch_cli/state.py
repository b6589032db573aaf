"""What must survive: the journal of every submit, written before anything that costs money.

It is ``journal.db`` in the state directory.

A file that takes more than one batch is a *job*: each of its shards is an intent of its own.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from batch_cli.attempt_links import AttemptLinks, Retry
from batch_cli.clock import Clock
from batch_cli.errors import DamagedData, StateError
from batch_cli.files import private_directory, try_lock
from batch_cli.jsonl import dumps, loads
from batch_cli.model import JsonObject
from batch_cli.shards import Shard
from batch_cli.sql import Database, load_statements

SQL = load_statements("batch_cli", "state.sql")
SCHEMAS = [SQL[f"schema_{number}"] for number in range(1, 5)]
GUARD_SECONDS = 24 * 3600.0
"""How long the same content is taken for the same submit."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One submit, as the journal knows it: first what was meant to happen, then what did."""

    id: str
    content: str
    provider: str
    model: str
    endpoint: str
    source: str
    sha256: str
    bytes: int
    requests: int
    response_schema: JsonObject | None
    settings: JsonObject
    metadata: dict[str, str]
    state: str
    """``prepared``, ``staged``, ``creating``, ``done``; anything but the last is unfinished business."""
    staged: str | None
    batch: str | None
    status: str | None
    created_at: float
    account: str
    """Whose key and which address, as `Journal.fingerprint` gives it; empty for what runs here."""


@dataclass(frozen=True, slots=True)
class NewIntent:
    """What is known before anything is sent."""

    provider: str
    model: str
    endpoint: str
    source: str
    sha256: str
    bytes: int
    requests: int
    response_schema: JsonObject | None
    settings: JsonObject
    metadata: dict[str, str]
    account: str = ""
    retry: Retry | None = None
    """What it sends again; such a submit is another one than the first of the same requests."""

    @property
    def content(self) -> str:
        """Give a hash over where it goes and what is sent; names and times do not count."""
        what = [self.provider, self.model, self.endpoint, self.sha256, self.settings]
        what += [self.account] if self.account else []
        what += [self.retry.root, str(self.retry.number)] if self.retry else []
        return sha256(dumps(what, sort_keys=True)).hexdigest()


@dataclass(frozen=True, slots=True)
class Job:
    """One submit that takes several batches."""

    id: str
    """``bcj_…``: stands for all its batches wherever a batch id can stand."""
    content: str
    provider: str
    source: str
    sha256: str
    bytes: int
    requests: int
    shards: int
    created_at: float
    at_once: int | None
    """Batches of it that may run at the same time; None: as many as the provider takes."""
    stopped_at: float | None
    """When it was cancelled: no further batch of it is created then."""


@dataclass(frozen=True, slots=True)
class JobShard:
    """One part of a job: where its requests are, and the submit of it that counts."""

    number: int
    """From 1, in input order."""
    shard: Shard
    intent: Intent | None
    """None when its batch was deleted."""


@dataclass(frozen=True, slots=True)
class JobPlace:
    """Which part of which job a batch is."""

    job: str
    number: int
    shards: int


class Journal:
    """The record of all submits of this user on this machine."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        """Open or create it in ``directory``.

        Raises:
            DiskError: the directory cannot be used.
        """
        self.directory = private_directory(directory)
        self.clock = clock
        self.database = Database(self.directory / "journal.db", SCHEMAS)
        self.attempts = AttemptLinks(self.database)
        self._locks = private_directory(self.directory / "locks")

    def fingerprint(self, address: str, key: str) -> str:
        """Give what an account is recognised by; the key cannot be guessed from it, nor from another machine's."""
        row = self.database.row(SQL["salt"])
        salt = bytes.fromhex(row[0]) if row else b""
        return hmac.new(salt, f"{address}\0{key}".encode(), sha256).hexdigest()[:32]

    def prepare(self, new: NewIntent) -> Intent:
        """Record that a submit is about to happen; on disk when this returns."""
        with self.database.transaction():
            intent_id = self._add(new)
        return self.intent(intent_id)

    def _add(self, new: NewIntent) -> str:
        intent_id = f"bci_{os.urandom(16).hex()}"
        self.database.change(
            SQL["add_intent"],
            {
                **{field.name: getattr(new, field.name) for field in fields(new) if field.name != "retry"},
                "id": intent_id,
                "content": new.content,
                "response_schema": dumps(new.response_schema).decode()
                if new.response_schema is not None
                else None,
                "settings": dumps(new.settings).decode(),
                "metadata": dumps(new.metadata).decode(),
                "created_at": self.clock.now(),
            },
        )
        self._note(intent_id, "prepared", new.source)
        return intent_id

    def move(
        self,
        intent: Intent,
        to: str,
        *,
        staged: str | None = None,
        batch: str | None = None,
        status: str | None = None,
    ) -> Intent:
        """Record the next state of a submit; on disk when this returns.

        Raises:
            StateError: another process has moved it meanwhile.
        """
        with self.database.transaction():
            changed = self.database.change(
                SQL["move_intent"],
                {
                    "id": intent.id,
                    "from": intent.state,
                    "to": to,
                    "staged": staged,
                    "batch": batch,
                    "status": status,
                },
            )
            if not changed:
                raise _busy(f"the submit {intent.id}")
            self._note(intent.id, to, batch or staged)
        return self.intent(intent.id)

    def _note(self, intent_id: str, state: str, detail: str | None) -> None:
        self.database.change(SQL["add_event"], (intent_id, self.clock.now(), state, detail))

    def intent(self, intent_id: str) -> Intent:
        """Give a submit by its id, as it is now."""
        found = _intent(self.database.row(SQL["by_id"], (intent_id,)))
        if found is None:
            raise DamagedData(f"the journal lost the submit {intent_id}")
        return found

    def same_content(self, new: NewIntent, within: float = GUARD_SECONDS) -> Intent | None:
        """Give the newest submit of the same content in the last ``within`` seconds."""
        since = self.clock.now() - within
        return _intent(self.database.row(SQL["same_content"], (new.content, since)))

    def by_batch(self, batch_id: str) -> Intent | None:
        """Give the submit that made a batch."""
        return _intent(self.database.row(SQL["by_batch"], (batch_id,)))

    def has_rival(self, provider: str, intent_id: str, requests: int) -> bool:
        """Tell whether another submit of as many requests stands before the answer to its create."""
        return self.database.row(SQL["rival"], (provider, requests, intent_id)) is not None

    def newest(self, provider: str | None = None, *, most: int = 1, skip: int = 0) -> list[Intent]:
        """Give finished submits, the newest first."""
        rows = self.database.rows(SQL["newest"], {"provider": provider, "most": most, "skip": skip})
        return [intent for row in rows if (intent := _intent(row))]

    def note_status(self, batch_id: str, status: str) -> None:
        """Remember a batch's status, for lists that do not ask the provider."""
        self.database.change(SQL["note_status"], (status, batch_id))

    def forget(self, batch_id: str) -> None:
        """Remove a deleted batch from lists and guards; its events stay."""
        with self.database.transaction():
            intent = self.by_batch(batch_id)
            if intent is not None:
                self._note(intent.id, "deleted", batch_id)
                self.database.change(SQL["remove_batch"], (batch_id,))
                self.database.change(SQL["remove_empty_jobs"])

    # --- unfinished business ---

    def open_intents(self) -> list[Intent]:
        """Give the submits that did not come to their end, the oldest first."""
        return [intent for row in self.database.rows(SQL["open_intents"]) if (intent := _intent(row))]

    def discard(self, intent: Intent) -> None:
        """Forget an unfinished submit, because somebody is sure that no batch came of it; its events stay.

        Raises:
            StateError: another process has moved it meanwhile.
        """
        with self.database.transaction():
            if not self.database.change(SQL["discard"], (intent.id, intent.state)):
                raise _busy(f"the submit {intent.id}")
            self._note(intent.id, "discarded", intent.provider)
            self.database.change(SQL["remove_empty_jobs"])

    def done_at(self, batch_id: str) -> float | None:
        """Give when a batch of ours was created, as far as is known here."""
        row = self.database.row(SQL["done_at"], (batch_id,))
        return None if row is None else row[0]

    def is_known(self, intent_id: str) -> bool:
        """Tell whether there ever was such a submit on this machine."""
        return self.database.row(SQL["is_known"], (intent_id,)) is not None

    def was_deleted(self, intent_id: str, batch_id: str) -> bool:
        """Tell whether a batch of a submit was deleted from here."""
        return self.database.row(SQL["was_deleted"], (intent_id, batch_id)) is not None

    def providers(self) -> list[str]:
        """Give the names of the providers that something was submitted to."""
        return [row[0] for row in self.database.rows(SQL["providers"])]

    # --- jobs ---

    def plan(
        self,
        new: NewIntent,
        parts: Sequence[tuple[Shard, NewIntent]],
        *,
        again: bool = False,
        lost: Collection[str] = (),
        at_once: int | None = None,
    ) -> Job:
        """Record that a job is about to be submitted, all its shards at once; on disk when this returns.

        A shard whose requests were submitted in the last 24 hours keeps that submit, unless ``again`` is
        wanted or the submit's id is among the ``lost``.
        """
        job_id = f"bcj_{os.urandom(16).hex()}"
        with self.database.transaction():
            facts = {
                name: getattr(new, name) for name in ("provider", "source", "sha256", "bytes", "requests")
            }
            self.database.change(
                SQL["add_job"],
                {
                    **facts,
                    "id": job_id,
                    "content": new.content,
                    "shards": len(parts),
                    "created_at": self.clock.now(),
                    "at_once": at_once,
                },
            )
            for number, (shard, new_shard) in enumerate(parts, start=1):
                before = None if again else self.same_content(new_shard)
                intent_id = self._add(new_shard) if before is None or before.id in lost else before.id
                place = {field.name: getattr(shard, field.name) for field in fields(shard)}
                self.database.change(
                    SQL["add_shard"], {**place, "job": job_id, "number": number, "intent": intent_id}
                )
        return self._job(job_id)

    def replace(self, job: Job, shard: JobShard, new: NewIntent) -> Intent:
        """Prepare a new submit for a shard whose batch is lost; on disk when this returns.

        Raises:
            StateError: another process has replaced it meanwhile.
        """
        was = shard.intent.id if shard.intent else None
        with self.database.transaction():
            intent_id = self._add(new)
            place = {"job": job.id, "number": shard.number, "intent": intent_id, "was": was}
            if not self.database.change(SQL["replace_intent"], place):
                raise _busy(f"the job {job.id}")
        return self.intent(intent_id)

    def _job(self, job_id: str) -> Job:
        found = self.job(job_id)
        if found is None:
            raise DamagedData(f"the journal lost the job {job_id}")
        return found

    def job(self, job_id: str) -> Job | None:
        """Give a job by its id."""
        row = self.database.row(SQL["job_by_id"], (job_id,))
        return None if row is None else Job(*row)

    def same_job(self, new: NewIntent, within: float = GUARD_SECONDS) -> Job | None:
        """Give the newest job of the same content in the last ``within`` seconds."""
        row = self.database.row(SQL["same_job"], (new.content, self.clock.now() - within))
        return None if row is None else Job(*row)

    def job_of_intent(self, intent_id: str) -> Job | None:
        """Give the job that a submit is a part of."""
        row = self.database.row(SQL["job_of_intent"], (intent_id,))
        return None if row is None else Job(*row)

    def stop(self, job: Job) -> None:
        """Let no further batch of a job be created, until it is submitted again."""
        self.database.change(SQL["stop_job"], (self.clock.now(), job.id))

    def resume(self, job: Job, at_once: int | None) -> Job:
        """Let batches of a job be created, ``at_once`` at the same time; None: as many as was said before."""
        with self.database.transaction():
            self.database.change(SQL["stop_job"], (None, job.id))
            if at_once is not None:
                self.database.change(SQL["set_at_once"], (at_once, job.id))
        return self._job(job.id)

    def shards_of(self, job_id: str) -> list[JobShard]:
        """Give the shards of a job in input order; some 3 kB of memory each."""
        rows = self.database.rows(SQL["shards_of_job"], (job_id,))
        at = 1 + len(fields(Shard))
        return [
            JobShard(row[0], Shard(*row[1:at]), _intent(row[at:]) if row[at] is not None else None)
            for row in rows
        ]

    def job_of(self, batch_id: str) -> JobPlace | None:
        """Give which part of which job a batch is; None for a batch on its own."""
        row = self.database.row(SQL["job_of_batch"], (batch_id,))
        return None if row is None else JobPlace(*row)

    def lock(self, name: str) -> int | None:
        """Take a lock of this state directory, as a descriptor to close; None when it is held."""
        return try_lock(self._locks / f"{name}.lock")


def _busy(what: str) -> StateError:
    return StateError(
        f"another batch-cli works at {what}", hint="wait until it is done, then run the same command again"
    )


def _intent(row: tuple[Any, ...] | None) -> Intent | None:
    if row is None:
        return None
    values = dict(zip((field.name for field in fields(Intent)), row, strict=True))
    for name in ("settings", "metadata", "response_schema"):
        values[name] = loads(values[name]) if values[name] is not None else None
    return Intent(**values)
