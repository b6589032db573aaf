"""``batch-cli serve``."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from batch_cli.cli import options
from batch_cli.cli.app import CommandFacts
from batch_cli.cli.context import Context
from batch_cli.errors import ExitCode


class ServedFlavour(enum.StrEnum):
    """Which server of the OpenAI wire it is like."""

    OPENAI = "openai"
    REGOLO = "regolo"
    REGOLO_NO_BATCH = "regolo-no-batch"


FACTS = CommandFacts(
    examples=(
        "batch-cli serve",
        "OPENAI_BASE_URL=http://127.0.0.1:8000/v1 OPENAI_API_KEY=any python pipeline.py",
        "ANTHROPIC_BASE_URL=http://127.0.0.1:8000 ANTHROPIC_API_KEY=any python pipeline.py",
        "GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:8000 GOOGLE_API_KEY=any python pipeline.py",
        "batch-cli serve --port 0 --port-file url.txt",
        "batch-cli serve --backend http://localhost:11434 --data-dir ~/batches",
        "batch-cli serve --backend https://models.example.org/v1 --backend-concurrency 64",
        "batch-cli serve --scenario partial --scenario flaky --seed 7",
        "batch-cli serve --list-scenarios",
        "batch-cli serve --speed 3600 --simulate-latency 60000 --simulate-errors 0.1",
        "batch-cli serve --flavour regolo-no-batch",
        "batch-cli serve --host 0.0.0.0 --allowed-host batch.internal --token-file token.txt",
    ),
    exits=(ExitCode.STATE,),
    details=(
        "Prints its URL when it is ready; logs go to standard error; Ctrl-C or SIGTERM ends it. Files and batches are"
        " kept in the data directory and go on after a restart. /health, /metrics and /_emulator/ledger tell how it"
        " is, and which requests were executed and billed how often; an Idempotency-Key header makes the creation of a"
        " batch on OpenAI's wire repeatable. All wires have the same address: paths and headers tell them apart."
        " /v1/predict, /predict and /examples/batch speak the prediction wires of Spice and of the PyTorch server."
        " With --scenario it goes wrong on purpose; POST /_emulator/scenario changes that while it runs."
        " With --backend a model server answers (vLLM, Ollama, llama.cpp, anything with OpenAI's endpoints): requests of"
        " batches are kept, retried and sent so many at once; while it is away they wait; live requests are passed on."
        " Only OpenAI's wire is served then."
        " A URL without a path gets /v1; one with a path is taken as it is. http:// goes to your own networks only."
        " Needs: pip install 'batch-cli[serve]'."
    ),
)


def run(
    context: Context,
    host: Annotated[
        str,
        typer.Option("--host", metavar="ADDRESS", help="Where to listen; off loopback needs --token-file."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="The port; 0 takes any free one.")
    ] = 8000,
    port_file: Annotated[
        Path | None,
        typer.Option("--port-file", metavar="FILE", help="Write the URL to FILE while the server is ready."),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir", metavar="DIR", help="Where all is kept.  [default: serve in the state directory]"
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", metavar="FILE", help="Accept only the key in FILE.  [default: any key]"),
    ] = None,
    no_auth: Annotated[
        bool, typer.Option("--no-auth", help="Accept requests without a key, too; only on loopback.")
    ] = False,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option("--allowed-host", metavar="NAME", help="A further name to answer to; may be repeated."),
    ] = None,
    flavour: Annotated[
        ServedFlavour,
        typer.Option("--flavour", help="Whose server it is like; regolo's may have no batches."),
    ] = ServedFlavour.OPENAI,
    speed: Annotated[
        float,
        typer.Option(
            "--speed",
            metavar="N",
            min=1,
            max=1_000_000,
            help="Let time pass N times as fast: 24 h in 24 s with 3600.",
        ),
    ] = 1.0,
    max_body: Annotated[str, typer.Option("--max-body", metavar="SIZE", help="Largest upload.")] = "512MB",
    max_data: Annotated[str, typer.Option("--max-data", metavar="SIZE", help="Room for all files.")] = "20GB",
    backend: Annotated[
        str | None,
        typer.Option(
            "--backend", metavar="URL", help="Let this model server answer, in place of the simulated model."
        ),
    ] = None,
    backend_concurrency: Annotated[
        int | None,
        typer.Option(
            "--backend-concurrency",
            metavar="N",
            min=1,
            max=512,
            help="Requests of batches on their way to it at once.  [default: 16]",
        ),
    ] = None,
    backend_timeout: Annotated[
        float | None,
        typer.Option(
            "--backend-timeout",
            metavar="S",
            min=0.1,
            max=86400,
            help="Seconds that one answer may take in all.  [default: 600]",
        ),
    ] = None,
    backend_key_env: Annotated[
        str | None,
        typer.Option(
            "--backend-key-env",
            metavar="NAME",
            help="The variable that holds its key.  [default: BACKEND_API_KEY, if it is set]",
        ),
    ] = None,
    prediction_model: Annotated[
        list[str] | None,
        typer.Option(
            "--prediction-model",
            metavar="[NAME=]FILE.py:FUNCTION",
            help="A model for the prediction endpoints; may be repeated.",
        ),
    ] = None,
    old_shapes: Annotated[
        bool, typer.Option("--old-shapes", help="Answer predictions as old servers really did.")
    ] = False,
    ui: Annotated[
        bool, typer.Option("--ui", help="Serve the page /bench, which tests predictions from a browser.")
    ] = False,
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            "--scenario",
            metavar="NAME|FILE",
            help="What goes wrong on purpose; may be repeated.  [default: nothing]",
        ),
    ] = None,
    list_scenarios: Annotated[
        bool, typer.Option("--list-scenarios", help="Show the scenarios that have a name, and end.")
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            metavar="N",
            help="Same requests, same answers: decides chance and ids.  [default: ids nobody can guess]",
        ),
    ] = None,
    simulate_errors: options.SimulateErrors = 0.0,
    simulate_latency: options.SimulateLatency = 0.0,
    simulate_seed: options.SimulateSeed = 0,
) -> ExitCode:
    """Serve the batch APIs of OpenAI, Anthropic and Gemini, with a simulated model."""
    from batch_cli.cli import serving  # noqa: PLC0415 - kept out of --help

    if list_scenarios:
        return serving.list_scenarios(context)
    asked = serving.Asked(
        host=host,
        port=port,
        port_file=port_file,
        data_dir=data_dir,
        token_file=token_file,
        no_auth=no_auth,
        allowed_hosts=tuple(allowed_host or ()),
        flavour=flavour.value,
        speed=speed,
        max_body=max_body,
        max_data=max_data,
        prediction_models=tuple(prediction_model or ()),
        old_shapes=old_shapes,
        ui=ui,
        backend=serving.AskedBackend(backend, backend_concurrency, backend_timeout, backend_key_env),
        scenarios=tuple(scenario or ()),
        seed=seed,
        simulation={"error_rate": simulate_errors, "latency": simulate_latency / 1000, "seed": simulate_seed},
    )
    return serving.serve(context, asked)
