"""``batch-cli bench``."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from batch_cli.cli import options
from batch_cli.cli.app import CommandFacts
from batch_cli.cli.context import Context
from batch_cli.cli.progress import ProgressMode
from batch_cli.errors import ExitCode


class BenchMode(enum.StrEnum):
    """What is measured."""

    CONNECTIVITY = "connectivity"
    BENCHMARK = "benchmark"
    CONSISTENCY = "consistency"
    STRESS = "stress"
    COMPARE = "compare"


class BenchApi(enum.StrEnum):
    """Which wire is spoken."""

    TORCH = "torch"
    SPICE = "spice"
    CHAT = "chat"


FACTS = CommandFacts(
    examples=(
        "batch-cli bench connectivity",
        "batch-cli bench benchmark --iterations 100 --warm-up 5",
        "batch-cli bench consistency --iterations 1000",
        "batch-cli bench stress --duration 30 --concurrent 8 --json",
        "batch-cli bench stress --rate 200 --duration 30 --html report.html",
        "batch-cli bench compare --batch-sizes 1,4,16",
        "batch-cli bench --api spice --model drive_stats --iterations 50",
        "batch-cli bench --api chat --model gpt-4o-mini --base-url http://localhost:11434/v1",
        "batch-cli bench --function model.py:predict --inputs inputs.jsonl",
        "batch-cli bench --iterations 500 --save main.json",
        "batch-cli bench --iterations 500 --baseline main.json --fail-if 'p99>+10%' --fail-if 'errors>1%'",
    ),
    exits=(
        ExitCode.CONFIG,
        ExitCode.TEMPORARY,
        ExitCode.INCOMPLETE,
        ExitCode.FAILED,
        ExitCode.INTERRUPTED,
    ),
    details=(
        "connectivity asks once; benchmark gives times; consistency whether the predictions are always the same; stress"
        " what several workers get done in a time; compare a batch with single calls. Without --inputs the PyTorch"
        " server is asked at /examples/batch. With --rate calls begin at fixed moments, whether the server keeps up or"
        " not, and count from those moments, so that a server that stops for a second cannot hide it. A gate against a"
        " --baseline fails only when the 95 % interval of the change lies wholly beyond its limit. Ctrl-C reports what"
        " there is. The exit code is 7 when calls failed, answers differed or a gate failed."
    ),
)


def run(
    context: Context,
    mode: Annotated[BenchMode, typer.Argument(help="What to measure.")] = BenchMode.BENCHMARK,
    api: Annotated[BenchApi, typer.Option("--api", help="The wire that the server speaks.")] = BenchApi.TORCH,
    base_url: Annotated[
        str | None,
        typer.Option(
            "--base-url",
            metavar="URL",
            help="The server.  [default: TORCH_BASE_URL or http://localhost:8000; of spice SPICE_BASE_URL or"
            " http://localhost:8090; of chat OPENAI_BASE_URL or OpenAI's]",
        ),
    ] = None,
    function: Annotated[
        str | None,
        typer.Option("--function", metavar="FILE.py:FUNCTION", help="Measure a function, without a server."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            envvar="BATCH_CLI_PREDICTION_MODEL",  # BATCH_CLI_MODEL names a provider's
            show_envvar=False,
            metavar="NAME",
            help="The model; with spice it may be repeated.",
        ),
    ] = None,
    inputs: Annotated[
        str | None,
        typer.Option("--inputs", metavar="FILE", help="The batch to send: a JSON array or JSON lines."),
    ] = None,
    prompt: Annotated[
        str, typer.Option("--prompt", metavar="TEXT", help="What chat endpoints are asked.")
    ] = "Say hello.",
    max_tokens: Annotated[
        int, typer.Option("--max-tokens", metavar="N", min=1, help="Longest answer of a chat endpoint.")
    ] = 32,
    iterations: Annotated[
        int | None,
        typer.Option(
            "--iterations", metavar="N", min=1, max=10_000_000, help="Calls.  [default: 10, consistency 20]"
        ),
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option("--duration", metavar="S", min=0.1, max=86400, help="Seconds.  [default: of stress 60]"),
    ] = None,
    concurrent: Annotated[
        int | None,
        typer.Option(
            "--concurrent",
            metavar="N",
            min=1,
            max=1024,
            help="Calls at once.  [default: 1, stress 2, with --rate 64 at most]",
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate", metavar="R", min=0.01, max=100_000, help="Begin R calls a second, answered or not."
        ),
    ] = None,
    warm_up: Annotated[
        int,
        typer.Option(
            "--warm-up", metavar="N", min=0, max=10_000, help="Calls of each worker that do not count."
        ),
    ] = 0,
    batch_sizes: Annotated[
        str | None,
        typer.Option(
            "--batch-sizes", metavar="N,N", help="compare: batches of so many inputs.  [default: 5]"
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="S", min=0.1, max=86400, help="Seconds a call may take.")
    ] = 60.0,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", metavar="FILE", help="An earlier run to compare with, made by --save."),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            metavar="GATE",
            help="Exit 7 if 'p99>+10%', 'p95>500ms', 'errors>1%'; may be repeated.",
        ),
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Keep the run for a later --baseline.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the report as one page with charts.")
    ] = None,
    title: Annotated[
        str, typer.Option("--title", metavar="TEXT", help="Of the report.")
    ] = "Benchmark Results",
    progress: options.ProgressOption = ProgressMode.AUTO,
    api_key_file: options.KeyFile = None,
) -> ExitCode:
    """Measure a prediction server, a chat endpoint or a function."""
    from batch_cli.cli import benching  # noqa: PLC0415 - kept out of --help

    asked = benching.Asked(
        mode=mode.value,
        api=api.value,
        base_url=base_url,
        function=function,
        models=tuple(model or ()),
        inputs=inputs,
        prompt=prompt,
        max_tokens=max_tokens,
        iterations=iterations,
        duration=duration,
        concurrent=concurrent,
        rate=rate,
        warm_up=warm_up,
        batch_sizes=batch_sizes,
        timeout=timeout,
        baseline=baseline,
        fail_if=tuple(fail_if or ()),
        save=save,
        html=html,
        title=title,
    )
    return benching.bench(context, asked)
