"""The options that mean the same in every command, each defined once."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from batch_cli.cli.console import ColorWhen
from batch_cli.cli.progress import ProgressMode

SHARED_PANEL = "Shared options"

# --- in every command; their order is the order of `SharedOptions` ---

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.", rich_help_panel=SHARED_PANEL)]
StateDir = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        metavar="DIR",
        help="Where the journal and the local engine live.  [default: ~/.local/state/batch-cli]",
        rich_help_panel=SHARED_PANEL,
    ),
]
Quiet = Annotated[
    int, typer.Option("--quiet", "-q", count=True, help="Errors only.", rich_help_panel=SHARED_PANEL)
]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose", "-v", count=True, help="Say what is decided, too.", rich_help_panel=SHARED_PANEL
    ),
]
Color = Annotated[
    ColorWhen,
    typer.Option("--color", help="When to use colour.", rich_help_panel=SHARED_PANEL),
]

# --- in the commands they mean something to ---

ProgressOption = Annotated[
    ProgressMode, typer.Option("--progress", help="How to show progress.", rich_help_panel=SHARED_PANEL)
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--api-key-file",
        metavar="FILE",
        help="Read the provider's key from FILE instead of its variable.",
        rich_help_panel=SHARED_PANEL,
    ),
]
LockTimeout = Annotated[
    float,
    typer.Option(
        "--lock-timeout",
        metavar="S",
        min=0,
        help="Wait S seconds for what another run has locked.",
        rich_help_panel=SHARED_PANEL,
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", "-m", metavar="PROVIDER/NAME", help="The model.  [default: openai/gpt-4o-mini]"),
]
ModelFilter = Annotated[
    str | None,
    typer.Option("--model", "-m", metavar="PROVIDER/NAME", help="Whose batch it is; else it is looked up."),
]
ProviderOption = Annotated[
    str | None, typer.Option("--provider", "-p", metavar="NAME", help="The provider alone.")
]
BatchIdArgument = Annotated[
    str | None, typer.Argument(metavar="[BATCH_ID]", help="The batch; else the latest one here.")
]
BatchIdsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[BATCH_ID...]", help="The batches; else the latest one here."),
]
BatchIdOption = Annotated[
    str | None, typer.Option("--batch-id", metavar="ID", help="The same as the argument.")
]
ResponseModelOption = Annotated[
    str | None,
    typer.Option(
        "--response-model",
        "-r",
        metavar="MODEL",
        help="What answers look like: package.module:Class, file.py:Class or schema.json.",
    ),
]
EndpointOption = Annotated[
    str | None,
    typer.Option("--endpoint", metavar="URL", help="The endpoint.  [default: /v1/chat/completions]"),
]
MaxTokens = Annotated[
    int, typer.Option("--max-tokens", metavar="N", min=1, help="Longest answer, where a line says nothing.")
]
Temperature = Annotated[
    float,
    typer.Option("--temperature", metavar="T", min=0, max=2, help="Temperature, where a line says nothing."),
]
LongestAnswer = Annotated[
    int | None,
    typer.Option(
        "--max-tokens",
        metavar="N",
        min=1,
        help="Longest answer, where a line says nothing.  [default: 1000; prompts asked live: 256]",
    ),
]
Variation = Annotated[
    float | None,
    typer.Option(
        "--temperature",
        metavar="T",
        min=0,
        max=2,
        help="Temperature, where a line says nothing.  [default: 0.1; prompts asked live: 0]",
    ),
]
TopP = Annotated[
    float,
    typer.Option(
        "--top-p", metavar="P", min=0, max=1, help="Nucleus sampling; 1 is the same as none, and not sent."
    ),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="K=JSON", help="A further body field; may be repeated."),
]
NoStrict = Annotated[bool, typer.Option("--no-strict", help="Send the schema without strict mode.")]
PromptColumn = Annotated[
    str | None,
    typer.Option("--prompt-column", metavar="NAME", help="The CSV column that holds the prompt."),
]
System = Annotated[
    str | None,
    typer.Option(
        "--system",
        metavar="TEXT",
        help="A system message for each prompt, and for messages without one.  [default: none]",
    ),
]
IdPrefix = Annotated[
    str, typer.Option("--id-prefix", metavar="TEXT", help="Made-up ids are this and a number.")
]
IdField = Annotated[
    str | None,
    typer.Option("--id-field", metavar="NAME", help="The field or column that is the custom_id."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Force = Annotated[bool, typer.Option("--force", help="Do it although it would lose something.")]
DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would be done.")]
SimulateErrors = Annotated[
    float,
    typer.Option("--simulate-errors", metavar="RATE", min=0, max=1, help="local/simulate: share that fails."),
]
SimulateLatency = Annotated[
    float,
    typer.Option(
        "--simulate-latency", metavar="MS", min=0, help="local/simulate: milliseconds a request takes."
    ),
]
SimulateSeed = Annotated[
    int, typer.Option("--simulate-seed", metavar="N", help="local/simulate: which requests fail.")
]
NoSimulate = Annotated[
    bool, typer.Option("--no-simulate", help="google: refuse to simulate where there is no key.")
]


class Via(enum.StrEnum):
    """How requests reach the model."""

    BATCH = "batch"
    DIRECT = "direct"


CONCURRENCY = 16
"""Requests in flight where nobody says how many: a model server with one place works off 16 in time."""
ViaOption = Annotated[
    Via,
    typer.Option("--via", help="direct: send the requests one by one, at the live price, from this machine."),
]
BaseUrl = Annotated[
    list[str] | None,
    typer.Option(
        "--base-url",
        metavar="URL[=N]",
        help="direct: the model server; may be repeated, with a weight N each.  [default: the provider's]",
    ),
]
MaxConcurrentOrNone = Annotated[
    int | None,
    typer.Option(
        "--max-concurrent",
        metavar="N",
        min=1,
        max=4096,
        help="direct: N requests in flight.  [default: 16; prompts: 5]",
    ),
]
MaxConcurrent = Annotated[
    int,
    typer.Option("--max-concurrent", metavar="N", min=1, max=4096, help="direct: N requests in flight."),
]
Concurrent = Annotated[
    bool, typer.Option("--concurrent/--no-concurrent", help="direct: several requests at once, or one.")
]
Rpm = Annotated[
    int | None,
    typer.Option("--rpm", metavar="N", min=1, help="direct: N requests in any minute at most."),
]
Tpm = Annotated[
    int | None, typer.Option("--tpm", metavar="N", min=1, help="direct: N tokens in any minute at most.")
]
PriceOption = Annotated[
    str | None,
    typer.Option(
        "--price",
        metavar="IN/OUT",
        help="direct: dollars for a million tokens, to tell the cost in the progress.  [default: what is known of the model]",
    ),
]
Timeout = Annotated[
    float,
    typer.Option("--timeout", metavar="S", min=0.1, max=86400, help="direct: seconds for one whole answer."),
]
TimeoutOrNone = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        metavar="S",
        min=0.1,
        max=86400,
        help="direct: seconds for one whole answer.  [default: 600; prompts: 60]",
    ),
]
Grace = Annotated[
    float,
    typer.Option(
        "--grace", metavar="S", min=0, help="direct: seconds for running requests to end after Ctrl-C."
    ),
]
Dedupe = Annotated[bool, typer.Option("--dedupe", help="direct: send identical requests once.")]
Cache = Annotated[
    bool,
    typer.Option("--cache", help="direct: use answers of earlier batches that were kept so, and keep these."),
]
CacheMb = Annotated[
    int,
    typer.Option("--cache-mb", metavar="N", min=1, help="direct: megabytes of answers that --cache keeps."),
]
AutoPath = Annotated[
    bool,
    typer.Option("--auto-path", help="direct: ask /chat/completions where /completions is refused."),
]
ChunkSize = Annotated[
    int,
    typer.Option("--chunk-size", metavar="N", min=1, max=512, help="Rows of predictions asked for at once."),
]
MaxWait = Annotated[
    str | None,
    typer.Option(
        "--max-wait", metavar="TIME", help="Wait so long at most: 90s, 10m, 2h.  [default: no limit]"
    ),
]
Interval = Annotated[
    float | None,
    typer.Option(
        "--interval",
        metavar="S",
        min=0.05,
        max=86400,
        help="Look every S seconds at least.  [default: from 2 to 60, by how fast it goes]",
    ),
]


class Executor(enum.StrEnum):
    """Who works at a batch that runs here."""

    LOCAL = "local"
    RAY = "ray"


ExecutorOption = Annotated[
    Executor,
    typer.Option("--executor", help="Who answers a batch that runs here: this machine, or a Ray cluster."),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray-address", metavar="HOST:PORT", help="The cluster.  [default: one started on this machine]"
    ),
]
Description = Annotated[str, typer.Option("--description", metavar="TEXT", help="Kept with the batch.")]
Again = Annotated[bool, typer.Option("--again", help="Submit even if the same content was, within 24 hours.")]
SplitOption = Annotated[
    bool, typer.Option("--split", help="Make as many batches as the provider's limits ask for.")
]
SplitRequests = Annotated[
    int | None,
    typer.Option("--split-requests", metavar="N", min=1, help="Split; N requests a batch at most."),
]
SplitBytes = Annotated[
    int | None, typer.Option("--split-bytes", metavar="N", min=1, help="Split; N bytes a batch at most.")
]
InFlight = Annotated[
    int | None,
    typer.Option(
        "--max-in-flight-batches",
        metavar="N",
        min=1,
        help="Split; run N batches at once at most.  [default: what the provider allows]",
    ),
]
SaveId = Annotated[bool, typer.Option("--save-id/--no-save-id", help="Write <provider>_batch_id.txt.")]
MetadataOption = Annotated[
    list[str] | None,
    typer.Option("--metadata", metavar="K=V", help="Kept with the batch; may be repeated."),
]
CompletionWindow = Annotated[
    str | None,
    typer.Option(
        "--completion-window",
        metavar="TIME",
        help="When the batch is to have ended, such as 24h, where the provider has a choice.",
    ),
]
FieldsOption = Annotated[
    str | None, typer.Option("--fields", metavar="A,B", help="Only these columns, in this order.")
]
HeaderOption = Annotated[bool, typer.Option("--header", help="Begin plain output with the column names.")]
