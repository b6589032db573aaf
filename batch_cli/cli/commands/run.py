"""``batch-cli run``."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from batch_cli.cli import options
from batch_cli.cli.app import CommandFacts
from batch_cli.cli.context import Context
from batch_cli.cli.progress import ProgressMode
from batch_cli.errors import ExitCode, UsageError

FACTS = CommandFacts(
    examples=(
        "batch-cli run prompts.jsonl -o answers.jsonl -m mistral/mistral-small-latest",
        "batch-cli run prompts.jsonl -o answers.jsonl --via local",
        "batch-cli run prompts.jsonl -o answers.jsonl -m openai/gpt-4o-mini --via direct --max-concurrent 64",
        "batch-cli run messages.jsonl -o people.jsonl --via local -r examples.User --attempts 5",
        "batch-cli run big.jsonl -o out.jsonl -m openai/gpt-4o-mini --max-wait 20h --allow-partial",
        "cat prompts.jsonl | batch-cli run - -o - --via local | jq .parsed",
    ),
    exits=(
        ExitCode.INVALID_INPUT,
        ExitCode.CONFIG,
        ExitCode.REJECTED,
        ExitCode.TEMPORARY,
        ExitCode.INCOMPLETE,
        ExitCode.PENDING,
        ExitCode.STATE,
        ExitCode.FAILED,
        ExitCode.UNKNOWN,
        ExitCode.DAMAGED,
        ExitCode.INTERRUPTED,
    ),
    details=(
        "Submits the file, waits, and sends again what failed and may succeed unchanged, is missing or expired, until"
        " every request has a good answer or was sent --attempts times; then writes one row for each request, the"
        " best of all attempts. What was refused for good is not sent again, and with an account that may not spend"
        " more it stops (exit 5); what is done is kept. Ctrl-C stops here and not what runs elsewhere. The same line"
        " again goes on wherever the last one was cut off, for thirty days; --again begins anew."
    ),
)


class Via(enum.StrEnum):
    """Which way requests go."""

    BATCH = "batch"
    LOCAL = "local"
    DIRECT = "direct"


def run(
    context: Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Requests or messages in any form; '-' is standard input.")
    ],
    output_file: Annotated[
        str, typer.Option("--output-file", "-o", metavar="FILE", help="Where to; '-' is standard output.")
    ],
    model: options.ModelOption = None,
    via: Annotated[
        Via, typer.Option("--via", help="By batches, by the local engine, or one by one at the live price.")
    ] = Via.BATCH,
    attempts: Annotated[
        int, typer.Option("--attempts", metavar="N", min=1, help="How often to send a request in all.")
    ] = 3,
    max_wait: options.MaxWait = None,
    interval: options.Interval = None,
    response_model: options.ResponseModelOption = None,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Exit 0 although some requests failed.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace FILE although it holds something else.")
    ] = False,
    max_tokens: options.MaxTokens = 1000,
    temperature: options.Temperature = 0.1,
    endpoint: options.EndpointOption = None,
    id_prefix: options.IdPrefix = "request-",
    id_field: options.IdField = None,
    prompt_column: options.PromptColumn = None,
    param: options.Parameters = None,
    no_strict: options.NoStrict = False,
    description: options.Description = "batch-cli",
    metadata: options.MetadataOption = None,
    again: options.Again = False,
    split_requests: options.SplitRequests = None,
    split_bytes: options.SplitBytes = None,
    max_in_flight_batches: options.InFlight = None,
    completion_window: options.CompletionWindow = None,
    save_id: options.SaveId = True,
    simulate_errors: options.SimulateErrors = 0.0,
    simulate_latency: options.SimulateLatency = 0.0,
    simulate_seed: options.SimulateSeed = 0,
    no_simulate: options.NoSimulate = False,
    base_url: options.BaseUrl = None,
    max_concurrent: options.MaxConcurrent = options.CONCURRENCY,
    concurrent: options.Concurrent = True,
    rpm: options.Rpm = None,
    tpm: options.Tpm = None,
    timeout: options.Timeout = 600.0,
    grace: options.Grace = 30.0,
    dedupe: options.Dedupe = False,
    cache: options.Cache = False,
    cache_mb: options.CacheMb = 1000,
    auto_path: options.AutoPath = False,
    chunk_size: options.ChunkSize = 32,
    api_key_file: options.KeyFile = None,
    lock_timeout: options.LockTimeout = 0.0,
    progress: options.ProgressOption = ProgressMode.AUTO,
) -> ExitCode:
    """Go from a file to its answers in one line: submit, wait, retry, results."""
    from batch_cli.cli import asking_live, creating, inputs, running, submitting  # noqa: PLC0415 - kept out of --help

    if via is Via.LOCAL and model is None:
        model = "local/simulate"
    name = inputs.chosen_model(model, services=context.services)
    if via is Via.LOCAL and name.provider != "local":
        raise UsageError(f"--via local does not ask {name.provider}", hint="leave out --via, or --model")
    live = asking_live.wishes(
        name,
        options.Via.DIRECT if via is Via.DIRECT else options.Via.BATCH,
        asking_live.Pace(
            max_concurrent if concurrent else 1,
            rpm,
            tpm,
            timeout,
            grace,
            dedupe,
            cache_mb if cache else None,
            auto_path,
            chunk_size,
        ),
        base_url or (),
    )
    if context.console.json and output_file == "-":
        raise UsageError("--json and results on standard output do not go together", hint="use -o FILE")
    wishes = creating.Wishes(
        model=name,
        response_model=response_model,
        max_tokens=max_tokens,
        temperature=temperature,
        endpoint=endpoint,
        extra=inputs.parameters(param),
        strict=not no_strict,
        id_prefix=id_prefix,
        id_field=id_field,
        prompt_column=prompt_column,
    )
    extras = submitting.Extras(
        metadata=inputs.metadata(metadata, description),
        settings=submitting.simulation(
            name, simulate_errors, simulate_latency, simulate_seed, is_live=live is not None
        )
        | submitting.window(completion_window),
        live=live,
        save_id=save_id,
        again=again,
        split=submitting.splitting(split=True, requests=split_requests, size_limit=split_bytes),
        at_once=max_in_flight_batches,
    )
    wanted = running.Wanted(output_file, attempts, inputs.seconds(max_wait), allow_partial, force)
    return running.run_file(context, file, wishes, extras, wanted)
