from __future__ import annotations

from pathlib import Path

import pytest

from batch_cli.errors import ConfigError, DiskError
from batch_cli.settings import KEY_RULES, api_key, state_directory


class TestStateDirectory:
    def test_the_command_line_wins(self, tmp_path: Path) -> None:
        assert state_directory({"XDG_STATE_HOME": "/x", "HOME": "/h"}, tmp_path) == tmp_path

    def test_then_the_xdg_directory(self) -> None:
        assert state_directory({"XDG_STATE_HOME": "/x", "HOME": "/h"}) == Path("/x/batch-cli")

    def test_a_relative_xdg_directory_is_ignored(self) -> None:
        assert state_directory({"XDG_STATE_HOME": "x", "HOME": "/h"}) == Path("/h/.local/state/batch-cli")

    def test_without_a_home_it_says_how_to_choose_one(self) -> None:
        with pytest.raises(DiskError, match="HOME is not set") as caught:
            state_directory({})
        assert "--state-dir" in (caught.value.hint or "")


class TestKeys:
    @pytest.mark.parametrize("provider", list(KEY_RULES))
    def test_a_missing_key_names_the_variable_and_the_way_on(self, provider: str) -> None:
        variable = KEY_RULES[provider].variables[0]

        with pytest.raises(ConfigError) as caught:
            api_key(provider, {variable: "  "})

        assert caught.value.message == f"{variable} environment variable is not set"
        assert f"export {variable}='your-api-key-here', or use --api-key-file FILE" in (
            caught.value.hint or ""
        )
        assert "local/simulate" in (caught.value.hint or "")

    def test_white_space_around_a_key_is_dropped(self) -> None:
        assert api_key("openai", {"OPENAI_API_KEY": " sk-1\n"}).reveal() == "sk-1"

    def test_the_first_variable_that_is_set_wins(self) -> None:
        assert api_key("google", {"GEMINI_API_KEY": "b"}).reveal() == "b"
        assert api_key("google", {"GEMINI_API_KEY": "b", "GOOGLE_API_KEY": "a"}).reveal() == "a"

    @pytest.mark.parametrize(
        "key", ['"sk-canary"', "sk canary", "sk-canary\x00", "sk-canaryé", "Bearer sk-canary"]
    )
    def test_what_cannot_be_a_key_is_refused_without_showing_it(self, key: str) -> None:
        with pytest.raises(ConfigError, match="OPENAI_API_KEY contains a character") as caught:
            api_key("openai", {"OPENAI_API_KEY": key})
        assert "canary" not in str(caught.value) + str(caught.value.where) + str(caught.value.hint)

    def test_a_key_of_another_provider_is_recognised(self) -> None:
        with pytest.raises(ConfigError, match="API key of anthropic") as caught:
            api_key("openai", {"OPENAI_API_KEY": "sk-ant-canary"})
        assert "ANTHROPIC_API_KEY" in (caught.value.hint or "")
        assert "canary" not in str(caught.value)

    def test_a_key_file_is_read_if_only_its_owner_can(self, tmp_path: Path) -> None:
        path = tmp_path / "key"
        path.write_text("sk-1\n")
        path.chmod(0o600)
        assert api_key("openai", {}, path).reveal() == "sk-1"

        path.chmod(0o644)
        with pytest.raises(ConfigError, match="can be read by others") as caught:
            api_key("openai", {}, path)
        assert f"chmod 600 {path}" in (caught.value.hint or "")

    @pytest.mark.parametrize("content", ["", "x" * 10_000])
    def test_a_key_file_without_a_key_is_refused(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "key"
        path.write_text(content)
        path.chmod(0o600)

        with pytest.raises(ConfigError, match="no API key"):
            api_key("openai", {}, path)

    def test_a_missing_key_file_is_a_config_error(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="reading the key file"):
            api_key("openai", {}, tmp_path / "nope")
