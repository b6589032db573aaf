"""The statistics of a file as a table: requests, bytes, tokens, models and urls."""

from __future__ import annotations

from batch_cli.cli.reports.report import FileReport
from batch_cli.cli.tables import Column, Table

_COLUMNS = (
    Column("file", "FILE", plain_only=True),
    Column("what", "WHAT"),
    Column("name", "NAME"),
    Column("value", "VALUE", right=True),
)


def stats_table(report: FileReport) -> Table:
    """Give the rows; numbers are plain, bytes count line ends, the tokens are an estimate."""
    scan, sizes = report.scan, report.sizes
    rows = [("requests", "", str(scan.requests)), ("bytes", "total", str(scan.bytes))]
    if sizes is not None:
        rows += [
            ("bytes", "smallest line", str(sizes.smallest)),
            ("bytes", "largest line", str(sizes.largest)),
            ("bytes", "mean line", f"{sizes.mean:.1f}"),
            ("tokens", "estimate of the text, about four characters each", str(sizes.tokens)),
        ]
    rows += [("model", name, str(count)) for name, count in scan.models.most_common()]
    rows += [("url", name, str(count)) for name, count in scan.urls.most_common()]
    return Table(report.name, _COLUMNS, [(report.name, *row) for row in rows])
