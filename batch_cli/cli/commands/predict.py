"""``batch-cli predict``."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from batch_cli.cli import options
from batch_cli.cli.app import CommandFacts
from batch_cli.cli.context import Context
from batch_cli.cli.progress import ProgressMode
from batch_cli.cli.tables import RowFormat
from batch_cli.errors import ExitCode


class PredictApi(enum.StrEnum):
    """Which wire is spoken."""

    SPICE = "spice"
    TORCH = "torch"


class EnsembleMethod(enum.StrEnum):
    """How models are put together."""

    MEAN = "mean"
    MEDIAN = "median"
    MIN = "min"
    MAX = "max"
    STD = "std"


class Shown(enum.StrEnum):
    """What a server says about itself."""

    MODELS = "models"
    HEALTH = "health"
    READY = "ready"
    STATS = "stats"
    INFO = "info"


FACTS = CommandFacts(
    examples=(
        "batch-cli predict drive_stats_a drive_stats_b",
        "batch-cli predict --file body.json --json | jq '.predictions[].status'",
        "batch-cli predict a b c --ensemble mean --weights 2,1,1",
        "batch-cli predict --compare model_v1 model_v2",
        "batch-cli predict --api torch --inputs inputs.jsonl --chunk-size 100 -o predictions.jsonl",
        "batch-cli predict --api torch --inputs inputs.json --single --timeout 5",
        "batch-cli predict --model model.py:predict --inputs inputs.jsonl --format csv",
        "batch-cli predict --onnx model.onnx --inputs inputs.jsonl",
        "batch-cli predict drive_stats --repeat 20 --json | jq .repeat.elapsed_ms",
        "batch-cli predict --show models",
        "batch-cli predict --show ready --wait-ready 60",
    ),
    exits=(
        ExitCode.INVALID_INPUT,
        ExitCode.CONFIG,
        ExitCode.REJECTED,
        ExitCode.TEMPORARY,
        ExitCode.INCOMPLETE,
        ExitCode.FAILED,
        ExitCode.DAMAGED,
    ),
    details=(
        "Spice is asked for models, each of which predicts from its own data; the PyTorch server, a function and an"
        " ONNX file for inputs. A failed prediction is a row with its reason and makes the exit code 7, all of them 10."
        " The key comes from SPICE_API_KEY or TORCH_API_KEY, if one is needed. Without --inputs --api torch asks for"
        " the server's own example. --onnx needs: pip install 'batch-cli[ml]'."
    ),
)


def run(
    context: Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL...]", help="The models that Spice is asked for.")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(
            "--file",
            metavar="FILE",
            help="Read them from FILE: a request body, JSON lines, or names; - is stdin.",
        ),
    ] = None,
    api: Annotated[
        PredictApi, typer.Option("--api", help="The wire that the server speaks.")
    ] = PredictApi.SPICE,
    base_url: Annotated[
        str | None,
        typer.Option(
            "--base-url",
            metavar="URL",
            help="The server.  [default: SPICE_BASE_URL or http://localhost:8090; of torch TORCH_BASE_URL or"
            " http://localhost:8000]",
        ),
    ] = None,
    inputs: Annotated[
        str | None,
        typer.Option(
            "--inputs", metavar="FILE", help="What to predict from: a JSON array or JSON lines; - is stdin."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            envvar="BATCH_CLI_PREDICTION_MODEL",  # BATCH_CLI_MODEL names a provider's
            show_envvar=False,
            metavar="NAME",
            help="The model of --inputs; FILE.py:FUNCTION runs here, without a server.",
        ),
    ] = None,
    onnx: Annotated[
        Path | None, typer.Option("--onnx", metavar="FILE", help="Run this ONNX model, without a server.")
    ] = None,
    single: Annotated[
        bool, typer.Option("--single", help="One request for each model or input, at its own path.")
    ] = False,
    priority: Annotated[
        int | None, typer.Option("--priority", metavar="N", help="torch: the priority of the inputs.")
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            metavar="S",
            min=0.001,
            max=86400,
            help="Seconds for a request, which torch is told.  [default: 60]",
        ),
    ] = None,
    chunk_size: Annotated[
        int | None,
        typer.Option(
            "--chunk-size", metavar="N", min=1, help="N in a request at most.  [default: all, onnx 32]"
        ),
    ] = None,
    repeat: Annotated[
        int,
        typer.Option(
            "--repeat",
            metavar="N",
            min=1,
            max=100_000,
            help="Ask N times, write the first answers, and tell how long each time took.",
        ),
    ] = 1,
    wait_ready: Annotated[
        float | None,
        typer.Option(
            "--wait-ready",
            metavar="S",
            min=0,
            max=86400,
            help="Wait up to S seconds until the server is ready.",
        ),
    ] = None,
    ensemble: Annotated[
        EnsembleMethod | None, typer.Option("--ensemble", help="Put the models together, element by element.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option("--weights", metavar="W,W", help="Of --ensemble mean: a weight for each model."),
    ] = None,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option("--compare", metavar="A B", help="Compare two models, element by element."),
    ] = None,
    show: Annotated[
        Shown | None, typer.Option("--show", help="Show what the server says of itself, and end.")
    ] = None,
    allow_failures: Annotated[
        bool, typer.Option("--allow-failures", help="Exit 0 also when some predictions failed.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Send an empty list, and replace the output file.")
    ] = False,
    output: Annotated[
        str | None,
        typer.Option(
            "--output-file",
            "-o",
            metavar="FILE",
            help="Write the predictions to FILE, JSON lines by default.",
        ),
    ] = None,
    style: Annotated[
        RowFormat | None,
        typer.Option("--format", "-f", help="How to write rows.  [default: table, or plain in a pipe]"),
    ] = None,
    fields: options.FieldsOption = None,
    header: options.HeaderOption = False,
    progress: options.ProgressOption = ProgressMode.AUTO,
    api_key_file: options.KeyFile = None,
) -> ExitCode:
    """Ask models for predictions."""
    from batch_cli.cli import predicting  # noqa: PLC0415 - kept out of --help

    asked = predicting.Asked(
        names=tuple(names or ()),
        file=file,
        api=api.value,
        base_url=base_url,
        inputs=inputs,
        model=model,
        onnx=onnx,
        single=single,
        priority=priority,
        timeout=timeout,
        chunk_size=chunk_size,
        wait_ready=wait_ready,
        ensemble=None if ensemble is None else ensemble.value,
        weights=weights,
        compare=compare,
        show=None if show is None else show.value,
        allow_failures=allow_failures,
        force=force,
        output=output,
        style=style,
        fields=fields,
        header=header,
        repeat=repeat,
    )
    return predicting.predict(context, asked)
