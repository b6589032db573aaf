from __future__ import annotations

from pathlib import Path

import pytest

from batch_cli.config import Service, Services, config_path
from batch_cli.errors import ConfigError


def written(home: Path, text: str | bytes) -> Services:
    path = home / ".config" / "batch-cli" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(0o644)
    return Services({"HOME": str(home)}, ("openai",))


def refused(home: Path, text: str | bytes) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        written(home, text).get("acme")
    assert caught.value.reference == "E901"
    assert "config" in caught.value.message
    return caught.value


class TestPlaces:
    def test_the_xdg_directory_comes_first(self) -> None:
        found = config_path({"XDG_CONFIG_HOME": "/x", "HOME": "/h"})

        assert found == Path("/x/batch-cli/config.toml")

    def test_a_relative_xdg_directory_is_ignored(self) -> None:
        found = config_path({"XDG_CONFIG_HOME": "x", "HOME": "/h"})

        assert found == Path("/h/.config/batch-cli/config.toml")

    def test_without_a_home_or_a_file_no_service_is_named(self, tmp_path: Path) -> None:
        for environment in ({}, {"HOME": str(tmp_path)}, {"XDG_CONFIG_HOME": "/dev/null"}):
            assert Services(environment).get("acme") is None
            assert Services(environment).names == []

    def test_a_file_in_the_working_directory_is_never_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("batch-cli.toml", "config.toml"):
            (tmp_path / name).write_text('[providers.acme]\nbase_url = "https://evil.example/v1"\n')
        monkeypatch.chdir(tmp_path)

        assert Services({"HOME": str(tmp_path / "home")}).get("acme") is None


class TestServices:
    def test_a_table_is_a_service(self, tmp_path: Path) -> None:
        services = written(
            tmp_path,
            '[providers.acme]\nbase_url = "https://llm.acme.example/v1"\nkey_env = "LLM_KEY"\n'
            'key_header = "api-key"\nwindows = ["7d", "24h"]\nmax_requests = 100\nmax_bytes = 1_000\n'
            "paged = false\nmetadata = false\n[providers.b2]\n",
        )

        assert services.names == ["acme", "b2"]
        assert services.get("acme") == Service(
            "acme",
            "https://llm.acme.example/v1",
            "LLM_KEY",
            "api-key",
            ("7d", "24h"),
            100,
            1_000,
            paged=False,
            metadata=False,
        )
        assert services.get("b2") == Service("b2")
        assert services.get("other") is None
        assert services.warnings == []

    def test_its_variables_begin_with_its_name(self) -> None:
        service = Service("my-llm")

        assert (service.base_url_variable, service.key_variable) == ("MY_LLM_BASE_URL", "MY_LLM_API_KEY")
        assert Service("my-llm", key_env="K").key_variable == "K"

    def test_a_base_url_as_a_variable_is_enough(self, tmp_path: Path) -> None:
        services = Services({"HOME": str(tmp_path), "MY_LLM_BASE_URL": "http://localhost:1/v1"})

        assert services.get("my-llm") == Service("my-llm")
        assert services.get("MY_LLM") is None

    def test_settings_of_other_versions_are_told_and_do_no_harm(self, tmp_path: Path) -> None:
        services = written(tmp_path, '[provider.x]\n[providers.acme]\nbase_url = "https://a.example/v1"\n')

        assert services.get("acme") is not None
        (warning,) = services.warnings
        assert warning.endswith("config.toml: provider is not known, did you mean providers?")


class TestFaults:
    def test_all_are_told_together(self, tmp_path: Path) -> None:
        error = refused(
            tmp_path,
            "[providers.acme]\nbase_url = 7\nbase_ulr = 'x'\nwindows = '24h'\nmax_requests = true\n"
            "key_env = 'a b'\npaged = 1\nmax_bytes = 0\n[providers.Big]\n[providers.openai]\n"
            "[providers.b]\ntoken = 3\n",
        )

        assert sorted(error.where) == [
            "providers.Big: a name is small letters, digits and -, and begins with a letter",
            "providers.acme.base_ulr is not known, did you mean base_url?",
            "providers.acme.base_url must be a URL",
            "providers.acme.key_env must be the name of a variable",
            "providers.acme.max_bytes must be a whole number above 0",
            "providers.acme.max_requests must be a whole number above 0",
            "providers.acme.paged must be true or false",
            'providers.acme.windows must be a list of texts such as ["24h"]',
            "providers.b.token: a key does not belong into a config file",
            "providers.openai: this name is taken; a variable moves it, such as OPENAI_BASE_URL",
        ]
        assert "10 faults" in error.message

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("providers = 3\n", "providers must be tables: [providers.NAME]"),
            ("[providers]\nb = 3\n", "providers.b must be a table: [providers.b]"),
        ],
    )
    def test_what_should_be_a_table_must_be_one(self, tmp_path: Path, text: str, fault: str) -> None:
        assert refused(tmp_path, text).where == (fault,)

    @pytest.mark.parametrize("table", ["providers.acme", "profiles.eu", "x"])
    def test_a_key_in_the_file_is_refused_and_not_shown(self, tmp_path: Path, table: str) -> None:
        error = refused(tmp_path, f'[{table}]\napi_key = "sk-SECRETSECRET"\n')

        assert error.where == (f"{table}.api_key: a key does not belong into a config file",)
        assert "key_env" in (error.hint or "")
        assert "SECRET" not in str(error) + str(error.where) + str(error.hint)

    def test_what_is_not_toml_is_placed(self, tmp_path: Path) -> None:
        assert "config.toml:2: " in refused(tmp_path, 'a = 1\nmodel = "openai/gpt-4o-mini\n').message

    @pytest.mark.parametrize(
        "content", ['model = "a/b"\n'.encode("utf-16"), b"\xff", b"#" * 1_000_001], ids=["16", "ff", "long"]
    )
    def test_what_is_no_text_of_a_sane_size_is_refused(self, tmp_path: Path, content: bytes) -> None:
        refused(tmp_path, content)

    def test_a_directory_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / ".config/batch-cli/config.toml").mkdir(parents=True)

        with pytest.raises(ConfigError, match="config file"):
            Services({"HOME": str(tmp_path)}).get("acme")

    def test_a_file_that_everybody_can_write_is_refused(self, tmp_path: Path) -> None:
        services = written(tmp_path, "")
        assert services.path is not None
        services.path.chmod(0o646)

        with pytest.raises(ConfigError, match="can be written by others") as caught:
            services.get("acme")
        assert "chmod go-w" in (caught.value.hint or "")
