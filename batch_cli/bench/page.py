"""The report as one page: no script, nothing from elsewhere, readable as text, in light and dark.

What servers say (errors, predictions) is escaped, and the page's own policy would refuse to run or fetch anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

from batch_cli import __version__
from batch_cli.bench.charts import Line, bars, columns, lines, number
from batch_cli.bench.runner import Recording
from batch_cli.bench.spread import percentile
from batch_cli.files import write_atomically
from batch_cli.model import JsonObject

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_POINTS = 120
_NAMES = {"p99_9": "p99.9"}
_MOST_ERRORS = 50
_MOST_WORKERS = 64


def write_page(path: Path, title: str, facts: JsonObject, recordings: Sequence[Recording]) -> None:
    """Write the page; an older one is replaced.

    Raises:
        DiskError: it cannot be written.
    """
    write_atomically(path, page(title, facts, recordings).encode("utf-8", "replace"))


def page(title: str, facts: JsonObject, recordings: Sequence[Recording]) -> str:
    """Give the page."""
    style = files("batch_cli.bench").joinpath("page.css").read_text(encoding="utf-8")
    body = "".join(_body(title, facts, recordings))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def _body(title: str, facts: JsonObject, recordings: Sequence[Recording]) -> Iterator[str]:
    yield f"<main><h1>{escape(title)}</h1>\n<p>{escape(facts['mode'])} of {escape(facts['target'])}</p>\n"
    stopped = "; stopped before its end" if facts["interrupted"] else ""
    yield f"<p>{escape(str(facts['started_at']))}, batch-cli {__version__}{stopped}</p>\n"
    yield _cards(facts, recordings)
    yield from _gates(facts)
    if facts["mode"] == "compare":
        yield from _comparison(facts)
    else:
        yield from _distribution(facts)
        yield from _time_line(recordings[0])
    if facts["mode"] == "consistency":
        yield from _consistency(facts, recordings[0])
    if facts["mode"] == "stress":
        yield from _workers(facts)
    yield from _errors(facts)
    yield "</main>\n"


def _cards(facts: JsonObject, recordings: Sequence[Recording]) -> str:
    calls = [call for recording in recordings for call in recording.calls]
    good = sum(call.is_good for call in calls)
    cards = [
        ("Calls", number(len(calls))),
        ("Good", f"{number(good / len(calls) * 100)} %" if calls else "none"),
    ]
    found = facts.get("percentiles_ms")
    if found and good:
        cards += [("p50", f"{number(found['p50'])} ms"), ("p99", f"{number(found['p99'])} ms")]
    if throughput := facts.get("throughput"):
        cards.append(("Calls a second", number(throughput["calls_per_second"])))
        cards.append(("Predictions a second", number(throughput["predictions_per_second"])))
    if consistency := facts.get("prediction_consistency"):
        cards.append(("Always the same", "yes" if consistency["deterministic"] else "no"))
    if efficiency := facts.get("efficiency"):
        cards.append(("Batch speedup", f"{efficiency['batch_speedup']:.1f}x"))
    inner = "".join(
        f'<div class="card"><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>' for name, text in cards
    )
    return f'<dl class="cards">{inner}</dl>\n'


def _gates(facts: JsonObject) -> Iterator[str]:
    if not facts["gates"]:
        return
    rows = [
        (
            f'<span class="bad">failed</span> {escape(gate["gate"])}'
            if gate["failed"]
            else f'<span class="good">passed</span> {escape(gate["gate"])}',
            escape(gate["why"]),
        )
        for gate in facts["gates"]
    ]
    yield f"<h2>Gates</h2>\n{_table(('Gate', 'Why'), rows)}"


def _distribution(facts: JsonObject) -> Iterator[str]:
    bins = facts.get("histogram_ms")
    if not bins:
        return
    heights = [(f"{number(each['from'])} - {number(each['to'])} ms", float(each["calls"])) for each in bins]
    yield "<h2>Response times</h2>\n"
    yield columns("How many good calls took how long", heights, "ms", "calls")
    found = facts["percentiles_ms"]
    rows = [(_NAMES.get(name, name), number(value)) for name, value in found.items()]
    yield _table(("Percentile", "ms"), rows)
    yield _more(
        "The ranges as a table",
        _table(("Range", "Calls"), [(name, number(value)) for name, value in heights]),
    )


def _time_line(recording: Recording) -> Iterator[str]:
    calls = sorted((call for call in recording.calls if call.is_good), key=lambda call: call.intended)
    if not calls:
        return
    count = min(_POINTS, len(calls))
    edges = [len(calls) * at // count for at in range(count + 1)]
    middle, highest = [], []
    for begin, end in pairwise(edges):
        times = sorted(call.response_ms for call in calls[begin:end])
        second = calls[begin].intended - recording.began
        middle.append((second, percentile(times, 50)))
        highest.append((second, times[-1]))
    yield "<h2>Over time</h2>\n"
    given = [Line("slowest", highest, "two"), Line("median", middle, "one")]
    yield lines("Response times in the order of their calls", given, "seconds", "ms")
    rows = [
        (number(second), number(low), number(high))
        for (second, low), (_, high) in zip(middle, highest, strict=True)
    ]
    yield _more("The points as a table", _table(("Second", "Median ms", "Slowest ms"), rows))


def _consistency(facts: JsonObject, recording: Recording) -> Iterator[str]:
    found = facts.get("prediction_consistency")
    if found is None:
        return
    yield "<h2>Consistency</h2>\n"
    rates, lengths = found["success_rates"], found["prediction_lengths"]
    rows = [
        ("Runs that differ from the first", number(found["differing_runs"])),
        ("Predictions in a run", f"{number(lengths['min'])} to {number(lengths['max'])}"),
        ("Good predictions", f"{number(rates['min'])} to {number(rates['max'])} %"),
    ]
    if difference := found["first_difference"]:
        words = f"{difference['path']}: {difference['first']}, later {difference['other']}"
        rows.append(("First difference", escape(words[:500])))
    yield _table(("What", "Found"), rows)
    good = [call for call in recording.calls if call.is_good]
    points = [(float(at), call.reply.inference_ms or 0.0) for at, call in enumerate(good, 1)]
    step = max(len(points) // _POINTS, 1)
    yield lines("The server's own times, run by run", [Line("inference", points[::step], "one")], "run", "ms")


def _workers(facts: JsonObject) -> Iterator[str]:
    yield "<h2>Workers</h2>\n"
    rows = [
        (f"worker {name}", float(each["batches"]), "one")
        for name, each in list(facts["worker_analysis"].items())[:_MOST_WORKERS]
    ]
    yield bars("Good calls of each worker", rows, " calls")


def _comparison(facts: JsonObject) -> Iterator[str]:
    rows: list[tuple[str, float, str]] = []
    cells = []
    for one in facts["by_batch_size"]:
        size, batch, single = one["batch_size"], one["batch_performance"], one["individual_performance"]
        rows.append((f"batch of {size}", batch["avg_time_ms"], "one"))
        rows.append((f"{size} single call{'s' if size > 1 else ''}", single["avg_total_time_ms"], "two"))
        efficiency = one.get("efficiency", {})
        speedup = f"{efficiency['batch_speedup']:.1f}x" if efficiency else ""
        cells.append(
            (number(size), number(batch["avg_time_ms"]), number(single["avg_total_time_ms"]), speedup)
        )
    yield "<h2>Batches and single calls</h2>\n"
    yield bars("Time of a batch, and of as many single calls", rows, " ms")
    yield _table(("Inputs", "Batch ms", "Single calls ms", "Speedup"), cells)


def _errors(facts: JsonObject) -> Iterator[str]:
    found: dict[str, int] = dict(facts.get("error_analysis") or {})
    for one in facts.get("by_batch_size", ()) if not found else ():
        for error, count in one["error_analysis"].items():
            found[error] = found.get(error, 0) + count
    if found:
        rows = [(number(count), escape(error)) for error, count in list(found.items())[:_MOST_ERRORS]]
        yield f"<h2>Errors</h2>\n{_table(('Calls', 'Reason'), rows)}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Give a table; the cells are HTML already."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>"
    return f'<div class="scroll">{table}</div>\n'


def _more(title: str, inner: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{inner}</details>\n"
