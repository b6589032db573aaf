"""People use older majors of the official clients for years: the server has to please them, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.serve.older_sdks import OldSdk, install, run
from tests.serving import ServerProcess

SDKS = (
    OldSdk("openai", "2.54.0", "openai_lifecycle.py"),
    OldSdk("anthropic", "1.17.0", "anthropic_lifecycle.py"),
    OldSdk("google-genai", "2.34.0", "google_lifecycle.py"),
)


@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: f"{sdk.package}-{sdk.version}")
def test_an_older_client_takes_the_server_for_the_real_thing(
    sdk: OldSdk, server: ServerProcess, tmp_path: Path
) -> None:
    install(sdk, tmp_path)

    run(sdk, tmp_path, server.url)
