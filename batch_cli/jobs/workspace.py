"""What every job command works in: the directories, the environment, the journal, the providers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from batch_cli.clock import Clock
from batch_cli.config import Service, Services
from batch_cli.errors import ConfigError, Rejected, StateError, UsageError, quoted
from batch_cli.events import Event, Listener, Note
from batch_cli.model import Batch, ModelName, Secret, check_batch_id
from batch_cli.pointer import pointer_path, read_pointer
from batch_cli.providers import DIRECT_PREFIX, PREDICTORS, REGISTRY, entry, load_codec, open_provider
from batch_cli.settings import KEY_RULES, KeyRule, api_key, find_api_key, key_in, missing_key
from batch_cli.state import Job, Journal

if TYPE_CHECKING:
    from batch_cli.engine.cluster.wishes import ClusterWishes
    from batch_cli.engine.handlers.live.options import LiveWishes
    from batch_cli.providers.base import Place, Provider
    from batch_cli.providers.direct.provider import Direct
    from batch_cli.providers.routed import Routed

_LOCK_PAUSE = 0.1
_JOB_PREFIX = "bcj_"
_ID_PREFIXES = {"msgbatch_": "anthropic", "batches/": "google", "local_": "local"}
_LOCAL_KEY = "LOCAL_API_KEY"
"""Holds the key of a model server on this machine or in its network, where it wants one."""
_PREDICTION_KEYS = {"spice": KeyRule(("SPICE_API_KEY",)), "torch": KeyRule(("TORCH_API_KEY",))}
"""Hold the keys of prediction servers, which seldom want one."""


@dataclass(slots=False)
class Workspace:
    """One run of a command: opened lazily, so that a command pays only for what it uses."""

    directory: Path
    """The working directory: pointer files, relative paths, response models."""
    state: Path
    """The state directory."""
    environment: Mapping[str, str]
    clock: Clock
    listener: Listener
    key_file: Path | None = None
    lock_timeout: float = 0.0
    """Seconds to wait for what another run has locked."""
    no_simulate: bool = False
    """A provider whose batches are simulated without a key needs one."""
    interval: float | None = None
    """Longest pause in seconds between two looks at a batch that runs elsewhere; None: the provider's own."""
    is_direct: bool = False
    """New batches are run here, against the provider's live endpoints."""
    live: LiveWishes | None = None
    """How batches that are run so are asked."""
    cluster: ClusterWishes | None = None
    """Who works at batches that run here; None: this process."""
    _providers: dict[str, Routed] = field(default_factory=dict)
    _keys: dict[str, Secret | None] = field(default_factory=dict)

    @cached_property
    def journal(self) -> Journal:
        """The journal of submits."""
        return Journal(self.state, self.clock)

    @cached_property
    def services(self) -> Services:
        """The services that the user has named."""
        return Services(self.environment, REGISTRY)

    def provider(self, name: str) -> Routed:
        """Open a provider; what it needs (a key, a base URL) is missed when it is asked for something.

        Raises:
            UsageError: unknown, or not able to run batches yet.
            ConfigError: the config file is wrong.
        """
        if name not in self._providers:
            from batch_cli.providers.routed import Routed  # noqa: PLC0415 - not needed for journal-only commands

            entry(name, services=self.services)
            # Also for a name of ours: a faulty file is told of before it is missed.
            found = self.services.get(name)
            service = None if name in REGISTRY else found
            self._providers[name] = Routed(
                name,
                load_codec(name, self.services),
                lambda: self._batches(name, service),
                lambda: self._direct(name, service),
                is_direct=self.asks_live(name),
            )
            for warning in self.services.warnings if service is not None else ():
                self.say(Note(warning, warning=True))
        return self._providers[name]

    def _batches(self, name: str, service: Service | None) -> Provider:
        """Open what runs a provider's own batches.

        Raises:
            ConfigError: it needs a key and there is none, or none that can be right.
        """
        self._keys[name] = self._key(name, service)
        return open_provider(name, self._place(name, service, self._keys[name]), self.clock)

    def _direct(self, name: str, service: Service | None) -> Direct:
        """Open what asks a provider live; its key is looked for when something is to be sent."""
        from batch_cli.providers.direct.provider import Direct  # noqa: PLC0415 - only where it is used

        def key() -> Secret | None:
            found = self._key(name, service)
            if found is None and name in KEY_RULES:
                raise missing_key(KEY_RULES[name])
            return found

        codec = load_codec(name, self.services)
        return Direct(name, codec, self._place(name, service, None), self.clock, key)

    def asks_live(self, name: str) -> bool:
        """Tell whether new batches of a provider are run here, as those of predictions always are."""
        return self.is_direct or name in PREDICTORS

    def direct(self, name: str) -> Direct:
        """Open what asks a provider live."""
        found = self.provider(name).of(DIRECT_PREFIX)
        return cast("Direct", found)

    def _place(self, name: str, service: Service | None, key: Secret | None) -> Place:
        from batch_cli.providers.base import Place  # noqa: PLC0415 - not needed for journal-only commands

        return Place(
            self.state,
            self.environment,
            key,
            self.listener,
            self.interval,
            knows_batch=lambda batch_id: self.journal.by_batch(batch_id) is not None,
            has_rival=lambda key, requests: self.journal.has_rival(name, key, requests),
            live=self.live,
            cluster=self.cluster,
            service=service,
        )

    def provider_of(self, place: BatchPlace) -> Provider:
        """Give what runs a batch, or the batches of a job."""
        one = place.id
        if place.job is not None:
            intents = (shard.intent for shard in self.journal.shards_of(place.job.id))
            one = next((found.batch or found.staged or "" for found in intents if found), "")
        return self.provider(place.provider).of(one)

    def _key(self, name: str, service: Service | None) -> Secret | None:
        """Find a provider's key; one that is simulated may have none, nor need a service that the user has named."""
        if service is None:
            if name in PREDICTORS:
                rule = _PREDICTION_KEYS.get(name)
                return None if rule is None else find_api_key(name, self.environment, self.key_file, rule)
            if name not in KEY_RULES:
                return key_in(_LOCAL_KEY, self.environment)
            find = find_api_key if KEY_RULES[name].is_optional and not self.no_simulate else api_key
            return find(name, self.environment, self.key_file)
        variable = service.key_variable
        is_given = self.key_file is not None or self.environment.get(variable, "").strip()
        if not is_given and service.key_env is None:
            return None
        return api_key(name, self.environment, self.key_file, KeyRule((variable,)))

    def elsewhere(self, name: str | None) -> list[str]:
        """Give the provider ``name``, else all that run elsewhere and can be asked: there is a key, or none is needed.

        A key that cannot be right counts, and is refused when it is used.

        Raises:
            UsageError: the provider runs batches here, or a key file would go to several.
            ConfigError: there is a key for none of them, or the config file is wrong.
        """
        if name is not None:
            if name not in KEY_RULES and name in REGISTRY:
                raise UsageError(f"{name} runs batches on this machine", hint="leave out --remote")
            return [name]
        if self.key_file is not None:
            raise UsageError("--api-key-file is the key of one provider", hint="add --provider NAME")
        names = [known for known in KEY_RULES if self._is_set(*KEY_RULES[known].variables)]
        names += [own for own in self.services.names if self._can_be_asked(own)]
        if not names:
            raise ConfigError(
                "there is no key of any provider",
                hint="set the key of one, such as OPENAI_API_KEY, or leave out --remote",
                reference="E603",
            )
        return names

    def _can_be_asked(self, own: str) -> bool:
        """Tell whether a service that the user has named has an address, and its key if it wants one."""
        service = self.services.get(own)
        assert service is not None  # it is one of its names
        has_address = service.base_url is not None or self._is_set(service.base_url_variable)
        return has_address and (service.key_env is None or self._is_set(service.key_env))

    def _is_set(self, *variables: str) -> bool:
        return any(self.environment.get(variable, "").strip() for variable in variables)

    def account(self, name: str) -> str:
        """Give what the account at a provider is recognised by: its key and address; empty for what runs here."""
        address = self.provider(name).address  # opens it, and so finds its key
        if not address:
            return ""
        key = self._keys[name]
        return self.journal.fingerprint(address, key.reveal() if key is not None else "")

    def close(self) -> None:
        """Let go of the providers and of the journal."""
        for provider in self._providers.values():
            provider.close()
        if "journal" in self.__dict__:
            self.journal.database.close()

    def say(self, event: Event) -> None:
        """Tell whoever runs this command something."""
        self.listener(event)

    def patience(self) -> Callable[[], bool]:
        """Give what to ask whenever something is locked: it waits a little, and says whether to try again."""
        end = self.clock.monotonic() + self.lock_timeout

        def keep_trying() -> bool:
            if self.clock.monotonic() >= end:
                return False
            self.clock.sleep(_LOCK_PAUSE)
            return True

        return keep_trying

    # --- which batch is meant ---

    def find_batch(self, batch_id: str | None, model: ModelName | None) -> BatchPlace:
        """Decide which batch or job a command is about, and whose it is.

        The id given, else the pointer file here, else the newest in the journal; its provider from
        ``model``, else from the journal, else from the shape of the id. The id of a batch that is one part
        of a job means that part only; a pointer file with all of them, and the newest one, the whole job.

        Raises:
            UsageError: the id cannot be one, or belongs to another provider than ``model`` says.
            StateError: no id is known.
        """
        if batch_id is not None:
            named = check_batch_id(batch_id)
            if named.startswith(_JOB_PREFIX):
                return self._whole(named, model)
            return self._named(named, model)
        return self._pointed_at(model) or self._newest(model)

    def _named(self, batch_id: str, model: ModelName | None) -> BatchPlace:
        owner = self._owner(batch_id)
        if model is None:
            if owner is None:
                raise UsageError(
                    f"it is not known whose batch {quoted(batch_id)} is",
                    hint=f"add --model PROVIDER/NAME, or --provider with one of {', '.join(REGISTRY)}",
                )
            return BatchPlace(batch_id, owner, "flag")
        entry(model.provider, services=self.services)
        if owner is not None and owner != model.provider:
            raise UsageError(
                f"{quoted(batch_id)} is a batch id of {owner}, but --model says {model.provider}",
                hint=f"use --model {owner}/...",
            )
        return BatchPlace(batch_id, model.provider, "flag")

    def _whole(self, job_id: str, model: ModelName | None) -> BatchPlace:
        job = self.journal.job(job_id)
        if job is None:
            raise StateError(
                f"no job {quoted(job_id)} is known here",
                where=f"state directory {self.state}",
                hint="batch-cli list --json shows the job of each batch",
            )
        if model is not None and model.provider != job.provider:
            raise UsageError(
                f"{quoted(job.id)} is a job of {job.provider}, but --model says {model.provider}",
                hint=f"use --model {job.provider}/...",
            )
        return BatchPlace(job.id, job.provider, "flag", job)

    def _job_of(self, batch_ids: list[str]) -> Job | None:
        for batch_id in batch_ids:
            place = self.journal.job_of(batch_id)
            if place is not None:
                return self.journal.job(place.job)
        return None

    def _owner(self, batch_id: str) -> str | None:
        known = self.journal.by_batch(batch_id)
        if known is not None:
            return known.provider
        for prefix, name in _ID_PREFIXES.items():
            if batch_id.startswith(prefix):
                return name
        return None

    def _pointed_at(self, model: ModelName | None) -> BatchPlace | None:
        if model is not None:
            entry(model.provider, services=self.services)
            names = [model.provider]
        else:
            known = (*REGISTRY, *self.services.names)
            names = [name for name in known if pointer_path(self.directory, name).is_file()]
            names.sort(key=lambda name: -pointer_path(self.directory, name).stat().st_mtime)
        for name in names:
            ids = read_pointer(self.directory, name)
            if not ids:
                continue
            file = pointer_path(self.directory, name).name
            if ids[-1].startswith(_JOB_PREFIX):
                self.say(Note(f"using {ids[-1]} from {file}", detail=True))
                return replace(self._whole(ids[-1], ModelName(name, "")), source="file")
            owner = self._owner(ids[-1])
            if owner is not None and owner != name:
                raise StateError(
                    f"state file {quoted(file)} holds a batch id of {owner}",
                    hint=f"use --model {owner}/..., or name the batch with --batch-id ID",
                )
            job = self._job_of(ids) if len(ids) > 1 else None
            if len(ids) > 1 and job is None:
                self.say(
                    Note(
                        f"{file} has {len(ids):,} ids that are not known here as one job: using the last",
                        warning=True,
                        hint="name each batch with --batch-id ID",
                    )
                )
            place = BatchPlace(ids[-1] if job is None else job.id, name, "file", job)
            self.say(Note(f"using {place.id} from {file}", detail=True))
            return place
        return None

    def _newest(self, model: ModelName | None) -> BatchPlace:
        name = model.provider if model else None
        for intent in self.journal.newest(name):
            if intent.batch is not None:
                job = self._job_of([intent.batch])
                place = BatchPlace(intent.batch if job is None else job.id, intent.provider, "journal", job)
                self.say(Note(f"using the newest batch of the journal: {place.id}"))
                return place
        files = f"{name}_batch_id.txt" if name else "<provider>_batch_id.txt"
        raise StateError(
            f"no batch id given and no {files} here",
            hint="--batch-id ID, or batch-cli list --local",
        )

    def known(self, place: BatchPlace, batch: Batch | None) -> Batch:
        """Give ``batch`` back if the provider knew it.

        Raises:
            Rejected: it did not.
        """
        if batch is None:
            raise Rejected(
                f"{place.provider} knows no batch {quoted(place.id)}",
                where=self._why_unknown(place),
                hint="batch-cli list --local",
            )
        return batch

    def _why_unknown(self, place: BatchPlace) -> tuple[str, ...]:
        address = self.provider_of(place).address
        if not address:
            return (f"state directory {self.state}",)
        submit = self.journal.by_batch(place.id)
        if submit is not None and submit.account not in ("", self.account(place.provider)):
            return (f"it was submitted with another key or to another address than {address}",)
        return (f"asked {address} with the key that is set",)


@dataclass(frozen=True, slots=True)
class BatchPlace:
    """The id of a batch or a job, whose it is, and how it was found: ``flag``, ``file`` or ``journal``."""

    id: str
    provider: str
    source: str
    job: Job | None = None
    """The job, when a whole one is meant."""
