from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.support import structured, write_lines

HOSTILE = "</script><img src=x onerror=alert(1)>\x1b[2J[red]=HYPERLINK(1)]]>::error::\u202e\x00"


def row(custom_id: str, error: Any = None, **usage: Any) -> dict[str, Any]:
    body = {"choices": [], "usage": usage} if error is None else None
    response = {"status_code": 200, "request_id": None, "body": body}
    return {"custom_id": custom_id, "id": None, "response": response, "error": error}


@pytest.fixture
def output(tmp_path: Path) -> Path:
    rows = [row(f"r{n}", prompt_tokens=100, completion_tokens=10 * n, total_time=n / 10) for n in range(1, 9)]
    rows.append(row("bad", {"code": "429", "type": "rate_limit_exceeded", "message": HOSTILE}))
    rows.append(row("odd", {"code": HOSTILE, "type": HOSTILE, "message": HOSTILE}))
    return write_lines(tmp_path / "out.jsonl", rows)


class Page(HTMLParser):
    """Collects the tags and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


@pytest.mark.usefixtures("output")
class TestFile:
    def test_the_document_has_counts_reasons_and_distributions(self, cli: Cli) -> None:
        document = cli("report", "out.jsonl", "--json").json

        assert document["schema"] == "batch_cli.report/v1"
        assert [document[name] for name in ("rows", "ok", "failed", "missing", "retryable")] == [
            10,
            8,
            2,
            0,
            1,
        ]
        assert document["reasons"][0]["kind"] == "rate_limit"
        output = document["tokens"]["output"]
        assert (output["rows"], output["sum"], output["min"], output["max"]) == (8, 360, 10, 80)
        assert output["p50"] == pytest.approx(40, rel=0.1)
        assert document["latency_seconds"]["max"] == 0.8
        assert document["usage"]["prompt_tokens"] == 800

    def test_in_a_pipe_every_line_names_its_section(self, cli: Cli) -> None:
        done = cli("report", "out.jsonl")

        lines = [line.split("\t") for line in done.out.splitlines() if line]
        assert done.code == 0
        assert ["outcome", "ok", "8"] in [line[:3] for line in lines]
        assert ["reasons", "rate_limit", "rate_limit_exceeded", "1"] in [line[:4] for line in lines]
        assert {"section", "outcome", "reasons", "output tokens", "usage"} <= {line[0] for line in lines}
        assert "\x1b" not in done.out
        assert "\u202e" not in done.out

    def test_the_page_is_one_file_without_scripts_or_loads(self, cli: Cli, tmp_path: Path) -> None:
        done = cli("report", "out.jsonl", "--html", "report.html")

        text = (tmp_path / "report.html").read_text()
        page = Page(text)
        assert (done.code, done.out) == (0, "")
        assert not {"script", "img", "link", "iframe", "object", "form", "a"} & set(page.tags)
        loads = {"src", "href", "style", "xlink:href", "action"}
        assert not [
            name
            for name, value in page.attributes
            if name in loads or name.startswith("on") or value == HOSTILE
        ]
        assert "prefers-color-scheme:dark" in text
        assert not any(bad in text for bad in ("\x1b", "\x00", "\u202e", "<img"))
        assert "&lt;/script&gt;&lt;img" in text

    def test_its_policy_lets_nothing_in_but_its_own_style(self, cli: Cli, tmp_path: Path) -> None:
        import base64
        import hashlib

        cli("report", "out.jsonl", "--html", "report.html")

        text = (tmp_path / "report.html").read_text()
        (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
        (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert policy == (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        )

    def test_each_chart_says_in_words_what_it_shows(self, cli: Cli) -> None:
        page = cli("report", "out.jsonl", "--html", "-").out

        charts = re.findall(r"<svg ([^>]*)><title>([^<]+)</title>", page)
        assert len(charts) == page.count("<svg") > 3
        assert all('role="img"' in attributes and "aria-label=" in attributes for attributes, _ in charts)
        assert any(words.startswith("Outcome: 8 good, 2 failed, 0 missing") for _, words in charts)

    def test_the_results_are_never_replaced_by_their_report(self, cli: Cli, output: Path) -> None:
        before = output.read_bytes()

        assert cli("report", "out.jsonl", "--html", "out.jsonl").code == 2
        assert output.read_bytes() == before


@pytest.mark.parametrize(
    "text", ["{}\n", "not json\n", "[]\n", '{"custom_id":7,"id":1,"response":1,"error":2}\n']
)
def test_a_file_of_something_else_is_refused_with_the_line(cli: Cli, tmp_path: Path, text: str) -> None:
    (tmp_path / "x.jsonl").write_text(text)

    done = cli("report", "x.jsonl")

    assert (done.code, done.out) == (13, "")
    assert "x.jsonl:1: error[E701]: not a line of ours" in done.err
    assert "--from-file" in done.err


def test_an_output_in_another_form_is_refused(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [structured("a", "I'm Ada, 30.")])
    cli("submit", "r.jsonl", "-m", "local/simulate", "--wait")
    cli("results", "-o", "out.csv", "--format", "csv")

    done = cli("report", "out.csv")

    assert done.code == 3
    assert "holds results as csv" in done.err


def test_an_empty_file_has_a_report_all_the_same(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("")

    assert cli("report", "x.jsonl", "--json").json["rows"] == 0
    assert cli("report", "x.jsonl", "--html", "-").code == 0


def test_a_batch_is_reported_without_a_file(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [structured(f"r{n}", "I'm Ada, 30.") for n in range(3)])
    batch_id = cli("submit", "r.jsonl", "-m", "local/simulate", "--wait").out.strip()

    document = cli("report", batch_id, "--json").json

    assert (document["rows"], document["ok"]) == (3, 3)
    assert document["source"] == f"{batch_id} (simulated)"
    assert document["seconds"] >= 0
    assert cli("report", "--json").json["rows"] == 3, "the latest one"


def test_a_batch_that_has_not_ended_has_no_report_yet(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "r.jsonl", [structured("a", "I'm Ada, 30.")])
    cli("submit", "r.jsonl", "-m", "local/simulate")

    assert cli("report").code == 8


def test_a_file_that_is_not_there_is_told_with_where_it_was_looked_for(cli: Cli, tmp_path: Path) -> None:
    done = cli("report", "gone.jsonl")

    assert done.code == 3
    assert "no such file: 'gone.jsonl'" in done.err
    assert tmp_path.name in done.err.replace("\n", "")
