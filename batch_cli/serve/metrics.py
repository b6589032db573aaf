"""Counts of one server's life, in the text format that Prometheus reads.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (read 2026-11-21).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = ("GET", "POST", "DELETE", "HEAD", "PUT", "PATCH", "OPTIONS")


class Metrics:
    """What was counted since the server started."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._requests: Counter[tuple[str, int]] = Counter()
        self.live: Counter[str] = Counter()
        """Requests that were answered at once, by url."""

    def count_request(self, method: str, status: int) -> None:
        """Count one HTTP request; status 0 is one whose client went away."""
        self._requests[method if method in _METHODS else "other", status] += 1

    def text(self, gauges: Mapping[str, Mapping[str, int]]) -> str:
        """Give all counts; ``gauges`` holds what others know: by metric, by its ``status`` label."""
        return "\n".join([*self._request_lines(), *_gauge_lines(gauges), ""])

    def _request_lines(self) -> Iterator[str]:
        yield "# TYPE batch_cli_http_requests_total counter"
        for (method, status), count in sorted(self._requests.items()):
            yield f'batch_cli_http_requests_total{{method="{method}",status="{status}"}} {count}'
        yield "# TYPE batch_cli_live_requests_total counter"
        for url, count in sorted(self.live.items()):
            yield f'batch_cli_live_requests_total{{url="{url}"}} {count}'


def _gauge_lines(gauges: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    for name, values in gauges.items():
        yield f"# TYPE {name} gauge"
        for label, value in values.items():
            yield f'{name}{{status="{label}"}} {value}' if label else f"{name} {value}"
