"""``batch-cli create``."""

from __future__ import annotations

from typing import Annotated

import typer

from batch_cli.cli import options
from batch_cli.cli.app import CommandFacts
from batch_cli.cli.context import Context
from batch_cli.cli.progress import ProgressMode
from batch_cli.errors import ExitCode, UsageError

FACTS = CommandFacts(
    examples=(
        "batch-cli create --model local/simulate          # ten prompts, submitted; no key needed",
        "batch-cli create --model google/gemini-2.0-flash    # simulated where there is no GOOGLE_API_KEY",
        "batch-cli create -i messages.jsonl -m openai/gpt-4o-mini -r examples.User",
        "batch-cli create -i prompts.txt -m anthropic/claude-3-5-sonnet-20241022 -o -",
        "batch-cli create -i rows.csv --prompt-column text -m local/simulate --submit",
    ),
    exits=(ExitCode.INVALID_INPUT, ExitCode.STATE),
    details=(
        "A messages file holds one request per line: a list of messages, an object with messages or a prompt"
        " (and a custom_id; with further settings all but the id stands in params or body); or text lines"
        " (.txt), or CSV. No key and no network are needed unless it submits."
    ),
)


def run(
    context: Context,
    messages_file: Annotated[
        str | None,
        typer.Option("--messages-file", "-i", metavar="FILE", help="The messages; '-' is standard input."),
    ] = None,
    model: options.ModelOption = None,
    response_model: options.ResponseModelOption = None,
    output_file: Annotated[
        str,
        typer.Option("--output-file", "-o", metavar="FILE", help="The request file; '-' is standard output."),
    ] = "batch_requests.jsonl",
    max_tokens: options.MaxTokens = 1000,
    temperature: options.Temperature = 0.1,
    endpoint: options.EndpointOption = None,
    id_prefix: options.IdPrefix = "request-",
    id_field: options.IdField = None,
    prompt_column: options.PromptColumn = None,
    system: options.System = None,
    param: options.Parameters = None,
    no_strict: options.NoStrict = False,
    skip: Annotated[
        int, typer.Option("--skip", metavar="N", min=0, help="Leave out the first N requests.")
    ] = 0,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Take N requests at most.")
    ] = None,
    submit: Annotated[
        bool, typer.Option("--submit", help="Submit the requests instead of writing a file.")
    ] = False,
    save_id: options.SaveId = True,
    simulate_errors: options.SimulateErrors = 0.0,
    simulate_latency: options.SimulateLatency = 0.0,
    simulate_seed: options.SimulateSeed = 0,
    no_simulate: options.NoSimulate = False,
    api_key_file: options.KeyFile = None,
    lock_timeout: options.LockTimeout = 0.0,
    progress: options.ProgressOption = ProgressMode.AUTO,
) -> ExitCode:
    """Build a request file from messages, or run the ten-prompt demo.

    With --messages-file it writes a request file in the provider's own format. Without, it submits ten
    prompts that ask for a name and an age.
    """
    from batch_cli.cli import creating, inputs, submitting  # noqa: PLC0415 - kept out of --help

    name = inputs.chosen_model(model, services=context.services)
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
        skip=skip,
        limit=limit,
    )
    settings = submitting.simulation(name, simulate_errors, simulate_latency, simulate_seed)
    if messages_file is None:
        return creating.run_demo(context, wishes, settings, save_id=save_id)
    if submit:
        if output_file == "-":
            raise UsageError("--submit writes no request file", hint="leave out '-o -'")
        return submitting.run_submit(
            context, messages_file, wishes, submitting.Extras(settings=settings, save_id=save_id)
        )
    return creating.write_file(context, messages_file, wishes, output_file)
