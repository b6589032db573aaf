"""A headless Chromium for tests, driven over WebDriver; where there is none, its tests are skipped."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

# Chromium asks its maker for many things at its start; here nothing may leave the machine.
FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --disable-dev-shm-usage --window-size=1000,1400""".split()
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Page:
    """What a browser shows."""

    def __init__(self, session: httpx.Client, path: str) -> None:
        self._session, self._path = session, path

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        response = self._session.request(method, f"{self._path}{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()["value"]

    def open(self, url: str) -> None:
        """Show a page. On a busy machine the driver may answer while the page before it is still there."""
        self._ask("POST", "/url", {"url": url})
        self.wait(lambda: self.run("return [location.href, document.readyState]") == [url, "complete"])

    def run(self, script: str) -> Any:
        return self._ask("POST", "/execute/sync", {"script": script, "args": []})

    def text(self, selector: str = "body") -> str:
        return str(self.run(f"return document.querySelector({json.dumps(selector)}).innerText"))

    def click(self, selector: str) -> None:
        found = self._ask("POST", "/element", {"using": "css selector", "value": selector})
        self._ask("POST", f"/element/{found[_ELEMENT]}/click", {})

    def wait(self, condition: Callable[[], object], seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.text()
            time.sleep(0.05)

    def console(self) -> list[str]:
        """Give the errors and warnings that the page caused since the last time."""
        entries = self._ask("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries]

    def requested(self) -> list[str]:
        """Give the addresses that the page asked for since the last time."""
        entries = self._ask("POST", "/se/log", {"type": "performance"})
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        return [
            one["params"]["request"]["url"]
            for one in messages
            if one["method"] == "Network.requestWillBeSent"
        ]

    def prefer(self, scheme: str) -> None:
        """Let pages believe that the person prefers ``light`` or ``dark``."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._ask(
            "POST",
            "/goog/cdp/execute",
            {"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}},
        )

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._ask("GET", "/screenshot")))


@contextlib.contextmanager
def browser(directory: Path) -> Iterator[Page]:
    driver, program = shutil.which("chromedriver"), shutil.which("chromium")
    if driver is None or program is None:
        pytest.skip("chromium and chromium-driver are not installed")
    flags = [*FLAGS, f"--user-data-dir={directory / 'profile'}"]
    process = subprocess.Popen(
        [driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    try:
        port = next(
            found[1] for line in process.stdout if (found := re.search(r"successfully on port (\d+)", line))
        )
        options = {
            "goog:chromeOptions": {"binary": program, "args": flags},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            started = client.post("/session", json={"capabilities": {"alwaysMatch": options}}).json()["value"]
            session = f"/session/{started['sessionId']}"
            try:
                yield Page(client, session)
            finally:
                client.delete(session)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
