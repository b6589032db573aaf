"""The report of a measure for people: 80 columns, the order and the words of the PyTorch framework's client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from batch_cli.cli.text import one_line
from batch_cli.model import JsonObject, JsonValue

WIDTH = 80
_BAR = 40
_SHOWN_ERRORS = 8
_PERCENTILES = (
    ("p50", "p50"),
    ("p75", "p75"),
    ("p90", "p90"),
    ("p95", "p95"),
    ("p99", "p99"),
    ("p99_9", "p99.9"),
)
_FIVE = (("min", "Min"), ("max", "Max"), ("avg", "Avg"), ("median", "Median"), ("std_dev", "Std Dev"))


def report(title: str, mode: str, facts: JsonObject) -> Iterator[str]:
    """Give the lines of a report; foreign texts in it are made safe."""
    yield "=" * WIDTH
    yield title.upper()
    yield "=" * WIDTH
    yield f"Target: {one_line(str(facts['target']), WIDTH - 8)}"
    yield from _BODIES[mode](facts)
    yield from _percentiles(facts)
    yield from _throughput(facts)
    yield from _errors(facts)
    yield from _histogram(facts)
    yield from _gates(facts)
    yield "=" * WIDTH


def _connectivity(facts: JsonObject) -> Iterator[str]:
    yield f"Connected: {'yes' if facts['connected'] else 'no'}"
    if facts["error"]:
        yield f"Error: {one_line(facts['error'], 300)}"
    yield f"Response Time: {facts['response_time_ms']:.1f} ms"
    yield f"Predictions: {facts['successful_predictions']} of {facts['batch_size']}"


def _benchmark(facts: JsonObject) -> Iterator[str]:
    yield f"Iterations: {facts['iterations']:,}"
    yield f"Errors: {facts['errors']:,}"
    yield f"Success Rate: {facts['success_rate']:.1f}%"
    if "error" in facts:
        yield f"Error: {facts['error']}"
        return
    yield from _block("Response Times (ms)", facts["response_times_ms"], _FIVE)
    yield from _block("Inference Times (ms)", facts["inference_times_ms"], _FIVE)
    performance = facts["batch_performance"]
    yield ""
    yield "Batch Performance:"
    yield _row("Avg Batch Size", performance["avg_batch_size"])
    yield _row("Avg Throughput", performance["avg_throughput_predictions_per_sec"], " predictions/sec")
    yield _row("Max Throughput", performance["max_throughput_predictions_per_sec"], " predictions/sec")


def _consistency(facts: JsonObject) -> Iterator[str]:
    yield f"Total Runs: {facts['total_runs']:,}"
    yield f"Successful Runs: {facts['successful_runs']:,}"
    if "error" in facts:
        yield f"Error: {facts['error']}"
        return
    found = facts["prediction_consistency"]
    lengths, rates = found["prediction_lengths"], found["success_rates"]
    yield ""
    yield "Prediction Consistency:"
    yield f"  Deterministic: {'yes' if found['deterministic'] else 'no'}"
    if found["differing_runs"]:
        yield f"  Runs that differ from the first: {found['differing_runs']:,}"
    if difference := found["first_difference"]:
        yield f"  First difference: {one_line(_difference(difference), WIDTH * 2)}"
    yield f"  Same Length: {'yes' if lengths['consistent'] else 'no'} ({lengths['min']} to {lengths['max']})"
    yield from _block("Success Rates (%)", rates, (_FIVE[0], _FIVE[1], _FIVE[2], _FIVE[4]))
    times = facts["performance_consistency"]["inference_times_ms"]
    yield from _block("Inference Times (ms)", times, (_FIVE[0], _FIVE[1], _FIVE[2], _FIVE[4]))
    yield _row("Variation", times["coefficient_of_variation"], "%")


def _difference(difference: JsonObject) -> str:
    return f"{difference['path']}: {difference['first']} in the first run, {difference['other']} later"


def _stress(facts: JsonObject) -> Iterator[str]:
    yield f"Duration: {facts['duration_seconds']:.1f} s"
    yield f"Concurrent Batches: {facts['concurrent_batches']:,}"
    yield f"Total Requests: {facts['total_batch_requests']:,}"
    yield f"Successful: {facts['successful_batches']:,}"
    yield f"Failed: {facts['failed_batches']:,}"
    yield f"Success Rate: {facts['success_rate']:.1f}%"
    yield f"Batches per Second: {facts['batches_per_second']:.1f}"
    found = facts["performance"]
    yield ""
    yield "Performance:"
    yield _row("Avg Response Time", found["avg_response_time_ms"], " ms")
    yield _row("Min Response Time", found["min_response_time_ms"], " ms")
    yield _row("Max Response Time", found["max_response_time_ms"], " ms")
    yield _row("Avg Inference Time", found["avg_inference_time_ms"], " ms")
    yield f"  Predictions: {found['total_predictions_processed']:,}"
    yield _row("Predictions per Second", found["predictions_per_second"])
    yield ""
    yield "Workers:"
    most = max((each["batches"] for each in facts["worker_analysis"].values()), default=0)
    for worker, each in list(facts["worker_analysis"].items())[:16]:
        yield f"  {worker:>3} {_bar(each['batches'], most):<{_BAR}} {each['batches']:,}"


def _compare(facts: JsonObject) -> Iterator[str]:
    for one in facts["by_batch_size"]:
        batch, individual = one["batch_performance"], one["individual_performance"]
        yield ""
        yield f"Batch of {one['batch_size']}:"
        yield _row("Avg Time", batch["avg_time_ms"], f" ms ({_runs(batch)})")
        yield _row("Avg Throughput", batch["avg_throughput_predictions_per_sec"], " predictions/sec")
        yield f"{one['batch_size']} single calls:"
        yield _row("Avg Total Time", individual["avg_total_time_ms"], f" ms ({_runs(individual)})")
        yield _row("Avg Time of One", individual["avg_individual_time_ms"], " ms")
        most = max(batch["avg_time_ms"], individual["avg_total_time_ms"])
        yield f"  batch  {_bar(batch['avg_time_ms'], most)}"
        yield f"  single {_bar(individual['avg_total_time_ms'], most)}"
        if efficiency := one.get("efficiency"):
            yield "Efficiency:"
            yield f"  Batch Speedup: {efficiency['batch_speedup']:.1f}x"
            yield _row("Time Savings", efficiency["time_savings_ms"], " ms")
            yield _row("Time Savings", efficiency["time_savings_percentage"], "%")
        for error, count in list(one["error_analysis"].items())[:_SHOWN_ERRORS]:
            yield f"  {count:,} x {one_line(error, WIDTH * 2)}"


def _runs(facts: JsonObject) -> str:
    failed = f", {facts['failed_runs']:,} failed" if facts["failed_runs"] else ""
    return f"{facts['successful_runs']:,} runs{failed}"


def _percentiles(facts: JsonObject) -> Iterator[str]:
    if facts.get("histogram_ms"):
        yield from _block("Response Times of good calls (ms)", facts["percentiles_ms"], _PERCENTILES)


def _throughput(facts: JsonObject) -> Iterator[str]:
    found = facts.get("throughput")
    if found is None:
        return
    yield ""
    yield f"Throughput over {facts['elapsed_seconds']:.1f} s of real time:"
    yield _row("Calls per Second", found["calls_per_second"])
    yield _row("Predictions per Second", found["predictions_per_second"])
    if found["planned_calls_per_second"] is not None:
        yield _row("Planned Calls per Second", found["planned_calls_per_second"])
        yield _row("Latest Beginning", found["max_late_ms"], " ms after its time")


def _errors(facts: JsonObject) -> Iterator[str]:
    errors = facts.get("error_analysis")
    if not errors:
        return
    yield ""
    yield "Errors:"
    shown = list(errors.items())[:_SHOWN_ERRORS]
    yield from (f"  {count:,} x {one_line(error, WIDTH * 2)}" for error, count in shown)
    if len(errors) > len(shown):
        yield f"  … and {len(errors) - len(shown):,} other reasons"


def _histogram(facts: JsonObject) -> Iterator[str]:
    bins = facts.get("histogram_ms")
    if not bins:
        return
    yield ""
    yield "Response times, calls in each range of ms:"
    most = max(each["calls"] for each in bins)
    for each in bins:
        share = _bar(each["calls"], most)
        yield f"  {each['from']:>9.1f} - {each['to']:>9.1f} {share:<{_BAR}} {each['calls']:,}"


def _gates(facts: JsonObject) -> Iterator[str]:
    gates = facts.get("gates")
    if not gates:
        return
    yield ""
    yield "Gates:"
    yield from (f"  {'FAIL' if each['failed'] else 'pass'} {each['gate']}: {each['why']}" for each in gates)


def _block(title: str, figures: Mapping[str, float], rows: tuple[tuple[str, str], ...]) -> Iterator[str]:
    yield ""
    yield f"{title}:"
    yield from (_row(name, figures[key]) for key, name in rows)


def _row(name: str, figure: float, unit: str = "") -> str:
    return f"  {name}: {figure:,.1f}{unit}"


def _bar(part: JsonValue, most: JsonValue) -> str:
    return "█" * (round(part / most * _BAR) if most else 0)


_BODIES: Mapping[str, Callable[[JsonObject], Iterator[str]]] = {
    "connectivity": _connectivity,
    "benchmark": _benchmark,
    "consistency": _consistency,
    "stress": _stress,
    "compare": _compare,
}
