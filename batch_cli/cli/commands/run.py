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
        'batch-cli run --prompt "What is AI?" --prompt "Define ML" -m openai/gpt-4o-mini',
        'batch-cli run --prompt "What is AI?" --system "Answer in one sentence." -m openai/gpt-4o-mini',
        "batch-cli run prompts.txt -o out.jsonl -m openai/gpt-4o-mini --via direct --return-error",
        "batch-cli run prompts.csv --prompt-column text -m local/llama3 --base-url http://localhost:11434/v1",
        "batch-cli run s3://data/in.jsonl -o s3://data/out.jsonl -m openai/gpt-4o-mini",
        "batch-cli run big.jsonl -o out.jsonl --via direct -m openai/gpt-4o-mini --executor ray",
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
        " --via direct asks the provider's live endpoints from here, at once and at their full price; what is typed with"
        " --prompt always goes there, a FILE only when you say so. The live engine tries each request again by itself,"
        " four times; while the server cannot be reached a FILE waits, and each --prompt fails."
        " Without -o the answers are shown on a terminal, and written as lines elsewhere."
    ),
)


class Via(enum.StrEnum):
    """Which way requests go."""

    BATCH = "batch"
    DIRECT = "direct"
    LOCAL = "local"


def run(
    context: Context,
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE]",
            help="Requests, messages or prompts in any form; '-' is standard input.",
            show_default=False,
        ),
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option("--prompt", metavar="TEXT", help="A prompt in place of FILE; may be repeated."),
    ] = None,
    output_file: Annotated[
        str | None,
        typer.Option(
            "--output-file", "-o", metavar="FILE", help="Where to; '-', and a pipe, is standard output."
        ),
    ] = None,
    model: options.ModelOption = None,
    via: Annotated[
        Via | None,
        typer.Option(
            "--via",
            help="By the provider's batches, its live endpoints, or the local engine."
            "  [default: batch; for --prompt direct]",
        ),
    ] = None,
    attempts: Annotated[
        int | None,
        typer.Option(
            "--attempts",
            metavar="N",
            min=1,
            help="How often to send a request in all.  [default: 3; prompts asked live: 1]",
        ),
    ] = None,
    max_wait: options.MaxWait = None,
    interval: options.Interval = None,
    response_model: options.ResponseModelOption = None,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Exit 0 although some requests failed.")
    ] = False,
    return_error: Annotated[
        bool,
        typer.Option(
            "--return-error",
            help="Failed rows also say url, method, status_code and error_type;"
            " a refused key or an empty account is the error of each --prompt.",
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace FILE although it holds something else.")
    ] = False,
    max_tokens: options.LongestAnswer = None,
    temperature: options.Variation = None,
    top_p: options.TopP = 1.0,
    endpoint: options.EndpointOption = None,
    id_prefix: options.IdPrefix = "request-",
    id_field: options.IdField = None,
    prompt_column: options.PromptColumn = None,
    system: options.System = None,
    lines: Annotated[
        bool, typer.Option("--lines", help="FILE holds a prompt on each line, as .txt files do.")
    ] = False,
    param: options.Parameters = None,
    no_strict: options.NoStrict = False,
    description: options.Description = "batch-cli",
    metadata: options.MetadataOption = None,
    again: options.Again = False,
    split_requests: options.SplitRequests = None,
    split_bytes: options.SplitBytes = None,
    max_in_flight_batches: options.InFlight = None,
    completion_window: options.CompletionWindow = None,
    save_id: Annotated[
        bool | None,
        typer.Option(
            "--save-id/--no-save-id", help="Write <provider>_batch_id.txt.  [default: not for --prompt]"
        ),
    ] = None,
    simulate_errors: options.SimulateErrors = 0.0,
    simulate_latency: options.SimulateLatency = 0.0,
    simulate_seed: options.SimulateSeed = 0,
    no_simulate: options.NoSimulate = False,
    executor: options.ExecutorOption = options.Executor.LOCAL,
    ray_address: options.RayAddress = None,
    base_url: options.BaseUrl = None,
    max_concurrent: options.MaxConcurrentOrNone = None,
    concurrent: options.Concurrent = True,
    rpm: options.Rpm = None,
    tpm: options.Tpm = None,
    timeout: options.TimeoutOrNone = None,
    grace: options.Grace = 30.0,
    dedupe: options.Dedupe = False,
    cache: options.Cache = False,
    cache_mb: options.CacheMb = 1000,
    auto_path: options.AutoPath = False,
    price: options.PriceOption = None,
    chunk_size: options.ChunkSize = 32,
    api_key_file: options.KeyFile = None,
    lock_timeout: options.LockTimeout = 0.0,
    progress: options.ProgressOption = ProgressMode.AUTO,
) -> ExitCode:
    """Go from a file to its answers in one line: submit, wait, retry, results."""
    from batch_cli.cli import asking_live, creating, executing, inputs, prompting, running, submitting  # noqa: PLC0415 - kept out of --help
    from batch_cli.providers import PREDICTORS  # noqa: PLC0415 - as above

    if (file is None) == (not prompt):
        raise UsageError(
            "give either FILE or --prompt", hint="batch-cli run FILE, or batch-cli run --prompt TEXT"
        )
    if context.console.json and output_file in (None, "-"):
        raise UsageError("--json and results on standard output do not go together", hint="use -o FILE")
    if via is Via.LOCAL and model is None:
        model = "local/simulate"
    name = inputs.chosen_model(model, services=context.services)
    if via is Via.LOCAL and name.provider != "local":
        raise UsageError(f"--via local does not ask {name.provider}", hint="leave out --via, or --model")
    is_simulated = name.provider == "local" and not base_url
    if via is None:
        via = Via.DIRECT if prompt and not is_simulated else Via.BATCH
    predicts = name.provider in PREDICTORS
    is_quick = bool(prompt) or prompting.is_file_of_prompts(file, prompt_column, lines=lines)
    is_quick = is_quick and not predicts  # a text file holds rows then
    live = asking_live.wishes(
        name,
        options.Via.DIRECT if via is Via.DIRECT else options.Via.BATCH,
        asking_live.Pace(
            (max_concurrent or (5 if is_quick else options.CONCURRENCY)) if concurrent else 1,
            rpm,
            tpm,
            timeout or (60.0 if is_quick else 600.0),
            grace,
            dedupe,
            cache_mb if cache else None,
            auto_path,
            chunk_size,
            waits=not prompt or predicts,
            price=price,
            halts=not (prompt and return_error) or predicts,
        ),
        base_url or (),
    )
    is_quick = is_quick and (live is not None or bool(prompt))
    wishes = creating.Wishes(
        model=name,
        response_model=response_model,
        max_tokens=max_tokens or (256 if is_quick else 1000),
        temperature=(0.0 if is_quick else 0.1) if temperature is None else temperature,
        top_p=None if top_p == 1 else top_p,
        endpoint=endpoint,
        extra=inputs.parameters(param),
        strict=not no_strict,
        id_prefix=id_prefix,
        id_field=id_field,
        prompt_column=prompt_column,
        system=system,
        is_text=lines,
    )
    extras = submitting.Extras(
        metadata=inputs.metadata(metadata, description),
        settings=submitting.simulation(
            name, simulate_errors, simulate_latency, simulate_seed, is_live=live is not None
        )
        | submitting.window(completion_window),
        live=live,
        cluster=executing.cluster(
            executor,
            ray_address,
            runs_here=name.provider == "local" or live is not None,
            predicts=predicts,
        ),
        save_id=not prompt if save_id is None else save_id,
        again=again,
        split=submitting.splitting(split=True, requests=split_requests, size_limit=split_bytes),
        at_once=max_in_flight_batches,
    )
    is_shown = output_file is None and context.console.is_terminal
    wanted = running.Wanted(
        output_file if output_file is not None or is_shown else "-",
        attempts or (1 if is_quick else 3),
        inputs.seconds(max_wait),
        allow_partial,
        force,
        return_error,
        tuple(prompt or ()),
    )
    return running.run_file(context, file or "-", wishes, extras, wanted)
