"""What distinguishes services that take a file and give files: data, so that no code asks for a service's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from batch_cli.config import Service
from batch_cli.model import Batch, BatchStatus, JsonObject, JsonValue
from batch_cli.providers.base import BatchOptions
from batch_cli.providers.hosted.mistral import MISTRAL_WIRE
from batch_cli.providers.hosted.objects import read_openai_batch, text_of
from batch_cli.providers.hosted.wire import Paging, Wire


def stage_of(stages: Mapping[str, str], batch: Batch, *, is_new: bool = False) -> str | None:
    """Give the word of ``stages`` for a batch: one that runs and has done nothing yet is queued in people's eyes."""
    word = str(batch.status)
    if batch.raw_status.lower() == "submitted" or (is_new and batch.status is BatchStatus.VALIDATING):
        word = "submitted"
    elif batch.status is BatchStatus.IN_PROGRESS and not batch.counts.done:
        word = "queued"
    return stages.get(word)


def _new_batch(staged: str, options: BatchOptions, window: str) -> JsonObject:
    return {"input_file_id": staged, "endpoint": options.endpoint, "completion_window": window}


def _input_of(value: JsonObject) -> str | None:
    return text_of(value, "input_file_id")


OPENAI_WIRE = Wire(
    batches="/batches",
    listing="",
    new=_new_batch,
    read=read_openai_batch,
    input_of=_input_of,
    results={"output": "output_file_id", "error": "error_file_id"},
)


@dataclass(frozen=True, slots=True)
class Profile:
    """One service."""

    name: str
    """As in ``--model NAME/…``."""
    title: str
    base_url: str | None
    """Up to the version, as its SDK's; None: there is none to guess, a variable must say it."""
    base_url_variables: tuple[str, ...]
    """Environment variables that replace it, the first that is set wins."""
    root_paths: Mapping[str, str] = field(default_factory=dict)
    """By variable: the path behind a URL that has none, because the service's SDK puts it there."""
    wire: Wire = OPENAI_WIRE
    key_header: str = "authorization"
    """``authorization`` (as a bearer) or a header that holds the bare key."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By header: the environment variable whose value is sent, if it is set."""
    windows: tuple[str, ...] = ("24h",)
    """What ``completion_window`` may be; the first is the default, ``*`` lets any other through."""
    create_fields: Mapping[str, JsonValue] = field(default_factory=dict)
    """More members of the body that creates a batch."""
    metadata_pairs: int = 16
    """How many the service takes; two of them are ours. 0: it takes none."""
    paging: Paging = Paging.CURSOR
    most_batches: int | None = None
    """Batches that may run at once."""
    discount: float | None = None
    """Share of the live price that a batch saves; None: not known."""
    stages: Mapping[str, str] = field(default_factory=dict)
    """The words of the service's pages for our statuses, ``submitted`` for a batch that was made just now."""
    without_batches: str | None = None
    """What to do instead where an account has no batch routes, which is known to happen; ``{origin}`` is its URL."""


def _instead(key: str, base_url: str) -> str:
    """Say how a file is run without batches: by our own server, which asks the service request by request."""
    return (
        f"run it as single requests: batch-cli serve --backend {{origin}} --backend-key-env {key}, and then"
        f" this command again with {base_url}=http://127.0.0.1:8000/v1"
    )


_PROFILES = {
    "openai": Profile(
        "openai",
        "OpenAI",
        "https://api.openai.com/v1",
        ("OPENAI_BASE_URL",),
        headers={"openai-organization": "OPENAI_ORG_ID", "openai-project": "OPENAI_PROJECT_ID"},
        discount=0.5,
    ),
    # Source: LiteLLM 1.106.2 for the routes; limits and words from regolo's draft page of 2026-03-04 (unverified).
    "regolo": Profile(
        "regolo",
        "regolo",
        "https://api.regolo.ai/v1",
        ("REGOLO_BASE_URL", "REGOLO_URL"),
        root_paths={"REGOLO_BASE_URL": "/v1", "REGOLO_URL": "/v1"},  # people write it either way
        create_fields={"timeout_minutes": 1440},
        most_batches=10,
        discount=0.1,
        stages={
            "submitted": "Submitted",
            "validating": "Validating",
            "queued": "Queued",
            "in_progress": "Processing",
            "finalizing": "Processing",
            "completed": "Completed",
            "failed": "Failed",
        },
        without_batches=_instead("REGOLO_API_KEY", "REGOLO_BASE_URL"),
    ),
    # Source: groq-python 1.7.0 (2026-11-21); its list takes no parameters.
    "groq": Profile(
        "groq",
        "Groq",
        "https://api.groq.com/openai/v1",
        ("GROQ_BASE_URL",),
        windows=("24h", "*"),
        paging=Paging.NONE,
        discount=0.5,
    ),
    # Source: Azure OpenAI's v1 surface, which needs no api-version (read 2026-11-21).
    "azure": Profile(
        "azure",
        "Azure OpenAI",
        None,
        ("AZURE_OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT"),
        root_paths={"AZURE_OPENAI_ENDPOINT": "/openai/v1"},
        key_header="api-key",
        discount=0.5,
    ),
    # Its SDK takes the base URL as an argument alone, so that the variable's name is ours.
    "mistral": Profile(
        "mistral",
        "Mistral",
        "https://api.mistral.ai/v1",
        ("MISTRAL_BASE_URL",),
        wire=MISTRAL_WIRE,
        create_fields={"timeout_hours": 24},
        paging=Paging.NUMBER,
        discount=0.5,
    ),
}


_OTHER_TERMS: dict[str, tuple[float | None, int | None]] = {
    # Source: platform.claude.com, "Batch processing" (read 2026-11-21).
    "anthropic": (0.5, None),
    # Source: https://ai.google.dev/gemini-api/docs/batch-api and /rate-limits (read 2026-11-21).
    "google": (0.5, 100),
}
"""What `terms` gives for those that speak no such wire."""


def named_profile(service: Service) -> Profile:
    """Give the profile of a service that the user has named."""
    return Profile(
        service.name,
        service.name,
        service.base_url,
        (service.base_url_variable,),
        key_header=service.key_header.lower(),
        windows=service.windows,
        metadata_pairs=16 if service.metadata else 0,
        paging=Paging.CURSOR if service.paged else Paging.NONE,
        without_batches=_instead(service.key_variable, service.base_url_variable),
    )


def profile(name: str) -> Profile:
    """Give the profile of a service."""
    return _PROFILES[name]


def terms(name: str) -> tuple[float | None, int | None]:
    """Give what is known of a provider's batches: the share of the live price they save, and how many may run at once."""
    found = _PROFILES.get(name)
    return _OTHER_TERMS.get(name, (None, None)) if found is None else (found.discount, found.most_batches)
