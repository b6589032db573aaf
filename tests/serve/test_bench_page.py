"""The page `/bench` of `serve --ui`, and the page that `bench --html` writes, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.browser import Page, browser
from tests.serving import ServerProcess
from tests.support import command

USER_CODE = """
calls = []

def example(value):
    calls.append(value)
    return float(len(calls)) if value == 3 else 0.5

def broken(value):
    raise ValueError("<img src=x onerror=\\"document.title='owned'\\"><script>document.title='owned'</script>")
"""


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server"), "--ui") as running:
        yield running


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("browser")) as shown:
        yield shown


def finished(page: Page, button: str) -> str:
    page.click(f"#{button}")
    page.wait(lambda: page.text("#status") == "Done.")
    return page.text("#results")


def test_without_ui_there_is_no_page(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--no-auth") as server:
        assert httpx.get(f"{server.url}/bench").status_code == 404


def test_its_files_may_run_and_ask_nothing_but_this_server(ours: ServerProcess) -> None:
    for path in ("/bench", "/bench/app.js", "/bench/style.css"):
        answer = httpx.get(f"{ours.url}{path}")
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'; script-src 'self'" in answer.headers["content-security-policy"]
    assert "innerHTML" not in httpx.get(f"{ours.url}/bench/app.js").text


def test_every_button_shows_its_results_and_nothing_leaves_the_server(
    ours: ServerProcess, page: Page, tmp_path: Path
) -> None:
    page.open(f"{ours.url}/bench")
    page.requested()

    connectivity = finished(page, "connectivity")
    assert "Connected\tyes" in connectivity
    benchmark = finished(page, "benchmark")
    assert "Iterations\t10" in benchmark
    assert "Total predictions\t50" in benchmark
    assert page.run("return document.querySelectorAll('meter').length") == 10
    consistency = finished(page, "consistency")
    assert "Deterministic\tyes" in consistency

    assert page.console() == []
    assert {url.removeprefix(ours.url) for url in page.requested()} == {"/examples/batch"}
    page.screenshot(tmp_path / "page.png")


def test_both_pages_follow_the_scheme_that_a_person_prefers(
    ours: ServerProcess, page: Page, tmp_path: Path
) -> None:
    command(tmp_path, "bench", "--iterations", "2", "--base-url", ours.url, "--html", "report.html")
    for address in (f"{ours.url}/bench", (tmp_path / "report.html").as_uri()):
        colours = []
        for scheme in ("light", "dark"):
            page.prefer(scheme)
            page.open(address)
            style = "getComputedStyle(document.body)"
            colours.append(page.run(f"return [{style}.backgroundColor, {style}.color]"))
        page.prefer("light")

        assert colours == [
            ["rgb(255, 255, 255)", "rgb(27, 31, 36)"],
            ["rgb(13, 17, 23)", "rgb(230, 237, 243)"],
        ]


def test_a_server_that_is_not_deterministic_is_found(page: Page, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(USER_CODE)
    with ServerProcess(tmp_path, "--ui", "--prediction-model", "mine.py:example") as server:
        page.open(f"{server.url}/bench")

        assert "Deterministic\tno" in finished(page, "consistency")


def test_hostile_text_of_a_server_stays_text(page: Page, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(USER_CODE)
    words = ("--ui", "--old-shapes", "--prediction-model", "example=mine.py:broken")
    with ServerProcess(tmp_path, *words) as server:
        page.open(f"{server.url}/bench")
        shown = finished(page, "benchmark")

    assert "10 failed\tValueError: <img src=x onerror=" in shown
    assert page.run("return document.title") == "batch-cli: batch prediction tester"
    assert page.run("return document.querySelectorAll('#results img, #results script').length") == 0


def test_a_run_can_be_stopped_and_a_token_is_asked_for(page: Page, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-token-of-some-length\n")
    (tmp_path / "token").chmod(0o600)
    with ServerProcess(tmp_path, "--ui", "--token-file", "token") as server:
        page.open(f"{server.url}/bench")
        assert "HTTP 401" in finished(page, "connectivity")

        page.run("document.getElementById('key').value = 'a-token-of-some-length'")
        assert "Connected\tyes" in finished(page, "connectivity")

        page.run("document.getElementById('iterations').value = 1000")
        page.click("#benchmark")
        page.click("#stop")
        page.wait(lambda: page.text("#status") == "Stopped.")
    page.console()


@pytest.mark.parametrize(
    "words",
    [
        ("stress", "--duration", "0.5"),
        ("compare", "--batch-sizes", "1,4", "--iterations", "2"),
        ("consistency",),
        ("benchmark", "--title", "</title><script>document.title='owned'</script>"),
    ],
)
def test_the_page_of_a_report_renders_without_a_request_or_an_error(
    ours: ServerProcess, page: Page, tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = command(tmp_path, "bench", *words, "--base-url", ours.url, "--html", "report.html")
    assert done.code == 0, done.err
    page.open("about:blank")
    page.console()
    page.requested()

    page.open((tmp_path / "report.html").as_uri())

    sizes = page.run(
        "return [...document.querySelectorAll('svg')].map(one => one.getBoundingClientRect().height)"
    )
    assert sizes
    assert all(size > 30 for size in sizes)
    assert page.run("return document.title") != "owned"
    assert page.run("return document.documentElement.scrollWidth <= window.innerWidth")
    assert page.console() == []
    assert page.requested() == [(tmp_path / "report.html").as_uri()]
