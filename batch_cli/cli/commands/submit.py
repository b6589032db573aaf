"""``batch-cli submit``."""

from __future__ import annotations

from typing import Annotated

import typer

from batch_cli.cli import options
from batch_cli.cli.app import CommandFacts
from batch_cli.cli.context import Context
from batch_cli.cli.options import CONCURRENCY, Via
from batch_cli.cli.progress import ProgressMode
from batch_cli.errors import ExitCode

FACTS = CommandFacts(
    examples=(
        "batch-cli submit requests.jsonl -m local/simulate",
        'id=$(batch-cli submit messages.jsonl -m local/simulate -q) && batch-cli wait "$id"',
        "batch-cli submit requests.jsonl -m mistral/mistral-small-latest --wait",
        "batch-cli submit big.jsonl -m local/simulate --wait --results out.jsonl",
        "batch-cli submit huge.jsonl -m local/simulate --split-requests 50000 --wait --results out.jsonl",
        "batch-cli submit requests.jsonl -m openai/gpt-4o-mini --via direct --max-concurrent 64 --rpm 500 --wait",
        "batch-cli submit requests.jsonl -m openai/gpt-4o-mini --via direct --executor ray --results out.jsonl",
        "batch-cli submit prompts.csv -m local/llama3 --base-url http://localhost:11434/v1 --wait",
        "batch-cli submit names.txt -m spice/any --wait --results predictions.jsonl",
        "batch-cli submit rows.csv -m onnx/model.onnx --wait --results predictions.jsonl",
        "jq -c '[{role:\"user\",content:.text}]' rows.jsonl | batch-cli submit - -m local/simulate",
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
    ),
    details=(
        "Takes the provider's own request lines as they are; request files of other providers and messages"
        " files of any form are converted on the way, and what gets lost is told. The same content within"
        " 24 hours is the same batch, so the same line can be run again after any crash. A file over the"
        " provider's limits is refused without --split; with it, one job of several batches is made, which"
        " the other commands take as one; batches that the provider has no room for are held back until wait"
        " creates them. --via direct sends the requests one by one to the provider's live endpoints, at its full"
        " price, or to your own model servers: the same batch for all other commands, run by a worker here."
        " --executor ray lets a Ray cluster send them, or answer simulated ones, as long as this command waits."
        " Rows of predictions are such a batch, too: -m spice/ANY (the rows are names of models), torch/MODEL, onnx/FILE and"
        " function/FILE.py:FUNCTION (the rows are inputs: a JSON value a line, or a CSV file of numbers)."
    ),
)


def run(
    context: Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file; '-' is standard input.")],
    model: options.ModelOption = None,
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="Wait until the batch has ended, working at it here.")
    ] = False,
    results: Annotated[
        str | None, typer.Option("--results", metavar="FILE", help="Wait, then write the results.")
    ] = None,
    max_wait: options.MaxWait = None,
    interval: options.Interval = None,
    response_model: options.ResponseModelOption = None,
    max_tokens: options.MaxTokens = 1000,
    temperature: options.Temperature = 0.1,
    endpoint: options.EndpointOption = None,
    id_prefix: options.IdPrefix = "request-",
    id_field: options.IdField = None,
    prompt_column: options.PromptColumn = None,
    system: options.System = None,
    param: options.Parameters = None,
    no_strict: options.NoStrict = False,
    description: options.Description = "batch-cli",
    metadata: options.MetadataOption = None,
    completion_window: options.CompletionWindow = None,
    again: options.Again = False,
    split: options.SplitOption = False,
    split_requests: options.SplitRequests = None,
    split_bytes: options.SplitBytes = None,
    max_in_flight_batches: options.InFlight = None,
    save_id: options.SaveId = True,
    simulate_errors: options.SimulateErrors = 0.0,
    simulate_latency: options.SimulateLatency = 0.0,
    simulate_seed: options.SimulateSeed = 0,
    no_simulate: options.NoSimulate = False,
    via: options.ViaOption = Via.BATCH,
    base_url: options.BaseUrl = None,
    max_concurrent: options.MaxConcurrent = CONCURRENCY,
    concurrent: options.Concurrent = True,
    rpm: options.Rpm = None,
    tpm: options.Tpm = None,
    timeout: options.Timeout = 600.0,
    grace: options.Grace = 30.0,
    dedupe: options.Dedupe = False,
    cache: options.Cache = False,
    cache_mb: options.CacheMb = 1000,
    auto_path: options.AutoPath = False,
    price: options.PriceOption = None,
    chunk_size: options.ChunkSize = 32,
    api_key_file: options.KeyFile = None,
    executor: options.ExecutorOption = options.Executor.LOCAL,
    ray_address: options.RayAddress = None,
    lock_timeout: options.LockTimeout = 0.0,
    progress: options.ProgressOption = ProgressMode.AUTO,
) -> ExitCode:
    """Check a file in any format and submit it as a batch."""
    from batch_cli.cli import asking_live, creating, executing, inputs, submitting  # noqa: PLC0415 - kept out of --help
    from batch_cli.providers import PREDICTORS  # noqa: PLC0415 - as above

    name = inputs.chosen_model(model, services=context.services)
    live = asking_live.wishes(
        name,
        via,
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
            price=price,
        ),
        base_url or (),
        splits=split or split_requests is not None or split_bytes is not None,
    )
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
        system=system,
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
            predicts=name.provider in PREDICTORS,
            waits=wait or results is not None,
        ),
        save_id=save_id,
        again=again,
        split=submitting.splitting(split=split, requests=split_requests, size_limit=split_bytes),
        at_once=max_in_flight_batches,
        wait=wait,
        max_wait=inputs.seconds(max_wait),
        results=results,
        response_model=response_model,
    )
    return submitting.run_submit(context, file, wishes, extras)
