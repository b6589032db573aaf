"""A report about results as one page: nothing is loaded, no script runs, light and dark as the reader likes it."""

from __future__ import annotations

import base64
import html
from hashlib import sha256

from batch_cli import __version__
from batch_cli.cli.reports.charts import histogram_chart, outcome_chart, share_chart
from batch_cli.cli.reports.number import number
from batch_cli.cli.text import one_line
from batch_cli.error_taxonomy import advice
from batch_cli.histogram import Histogram
from batch_cli.jobs.report import Report

_MOST_REASONS = 30
_LONGEST = 300
_STYLE = """
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b1f24;--dim:#59636e;--line:#d8dee4;
--bar:#2f6fde;--ok:#1a7f4b;--bad:#c2352b;--gone:#a15c00}
@media (prefers-color-scheme:dark){:root{--page:#0f1216;--card:#181c22;--ink:#e6e9ed;--dim:#9aa4af;--line:#2e353d;
--bar:#6ea0ff;--ok:#4cc38a;--bad:#ff7b72;--gone:#e3a341}}
*{box-sizing:border-box}
body{margin:0;padding:2rem 1rem;background:var(--page);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:60rem;margin:0 auto}
h1{font-size:1.5rem;margin:0 0 .25rem;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:0 0 .75rem}
p{margin:.25rem 0 1rem;color:var(--dim)}
section{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1.1rem 1.25rem;margin:1rem 0;
overflow-x:auto}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(7rem,1fr));gap:.75rem;margin:0 0 1rem}
dt{color:var(--dim);font-size:.85rem}
dd{margin:0;font-size:1.35rem;font-weight:600;font-variant-numeric:tabular-nums}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th{text-align:left;color:var(--dim);font-weight:600}
th,td{padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
tr:last-child td{border-bottom:0}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
svg{display:block;width:100%;height:auto;max-width:100%}
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--dim)}
.bar{fill:var(--bar)}.ok{fill:var(--ok)}.bad{fill:var(--bad)}.gone{fill:var(--gone)}.axis{stroke:var(--line)}
.share{width:8rem;min-width:5rem}.kind{white-space:nowrap}.type,.advice{min-width:11rem}.wide{min-width:36rem}
footer{color:var(--dim);font-size:.85rem;margin-top:1.5rem}
"""
_STYLE_HASH = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"
"""Only the style sheet of the page itself may be used, known by its hash; nothing else, from anywhere."""


def page(title: str, report: Report, written_at: str) -> str:
    """Give the whole page; foreign text is only text in it."""
    name = _text(title)
    sections = [
        _outcome(report),
        _reasons(report),
        _distribution("Seconds for an answer", "answers", report.seconds, " s"),
        _distribution("Input tokens of a request", "requests", report.input_tokens),
        _distribution("Output tokens of an answer", "answers", report.output_tokens),
        _usage(report),
    ]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Report: {name}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{name}</h1>
<p>What came of the requests.</p>
{"".join(sections)}
<footer>Written by batch-cli {_text(__version__)} at {_text(written_at)}.</footer>
</main>
</body>
</html>
"""


def _outcome(report: Report) -> str:
    summary = report.summary
    facts = (
        ("rows", summary.rows),
        ("good answers", summary.ok),
        ("failed", summary.failed),
        ("missing", summary.missing),
        ("can be retried", summary.retryable),
    )
    shown = "".join(f"<div><dt>{name}</dt><dd>{count:,}</dd></div>" for name, count in facts)
    chart = outcome_chart(summary.ok, summary.failed, summary.missing)
    return _section("Outcome", f"<dl>{shown}</dl>{chart}")


def _reasons(report: Report) -> str:
    reasons = report.top_reasons
    if not reasons:
        return ""
    most = reasons[0][2]
    rows = "".join(
        f'<tr><td class="kind">{_text(kind)}</td><td class="type">{_text(name)}</td><td class="n">{count:,}</td>'
        f'<td class="share">{share_chart(count, most)}</td><td class="advice">{_text(advice(kind))}</td></tr>'
        for kind, name, count in reasons[:_MOST_REASONS]
    )
    left = len(reasons) - _MOST_REASONS
    more = f"<p>… and {left:,} more reasons</p>" if left > 0 else ""
    head = '<tr><th>kind</th><th>type</th><th class="n">rows</th><th>share</th><th>what to do</th></tr>'
    table = f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"
    return _section("Why requests have no good answer", table + more)


def _distribution(title: str, what: str, histogram: Histogram, unit: str = "") -> str:
    if not histogram.count:
        return ""
    facts = (
        ("mean", histogram.mean),
        ("half have at most", histogram.quantile(0.5)),
        ("90 % at most", histogram.quantile(0.9)),
        ("99 % at most", histogram.quantile(0.99)),
        ("largest", histogram.largest),
    )
    shown = "".join(
        f"<div><dt>{name}</dt><dd>{number(value)}{unit}</dd></div>"
        for name, value in facts
        if value is not None
    )
    return _section(title, f"<dl>{shown}</dl>{histogram_chart(title, what, histogram, unit)}")


def _usage(report: Report) -> str:
    usage = report.usage
    if not usage:
        return ""
    rows = "".join(
        f'<tr><td>{_text(name)}</td><td class="n">{amount:,}</td></tr>'
        for name, amount in usage.most_common()
    )
    head = '<tr><th>counted by the provider as</th><th class="n">sum</th></tr>'
    return _section("Usage", f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>")


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>\n"


def _text(text: str) -> str:
    return html.escape(one_line(text, _LONGEST))
