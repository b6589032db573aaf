"""The lists of providers themselves: paged, filtered, and of several at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Hosted
from tests.support import chat, write_lines

REMOTE = ("list", "--remote", "--format", "plain", "--fields", "id")


@pytest.fixture
def ids(hosted: Hosted, tmp_path: Path) -> list[str]:
    """Five batches, the newest first."""
    found = []
    for n in range(5):
        write_lines(tmp_path / "r.jsonl", [chat("a", f"text {n}")])
        found.append(hosted("submit", "r.jsonl", "-m", "openai/simulate", "-q").out.strip())
    return found[::-1]


def test_it_lists_what_nobody_submitted_here(hosted: Hosted, ids: list[str], tmp_path: Path) -> None:
    done = hosted(*REMOTE, "--state-dir", str(tmp_path / "other"))

    assert (done.code, done.out.split()) == (0, ids)


def test_it_is_paged_with_limit_and_after(hosted: Hosted, ids: list[str]) -> None:
    first = hosted("list", "--remote", "--limit", "2", "--json").json
    assert [batch["id"] for batch in first["batches"]] == ids[:2]
    assert (first["next"], first["source"]) == (ids[1], "remote")

    assert hosted(*REMOTE, "--limit", "2", "--after", ids[1]).out.split() == ids[2:4]
    assert hosted(*REMOTE, "--all").out.split() == ids


def test_it_is_filtered_by_status_and_time(hosted: Hosted, ids: list[str]) -> None:
    hosted("wait", *ids)

    assert hosted(*REMOTE, "--status", "completed").out.split() == ids
    assert hosted(*REMOTE, "--status", "failed").out == ""
    assert hosted(*REMOTE, "--since", "1h").out.split() == ids
    assert hosted(*REMOTE, "--since", "0s").out == ""


def test_a_provider_that_fails_hides_no_other(
    hosted: Hosted, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGOLO_API_KEY", "sk-test")
    monkeypatch.setenv("REGOLO_BASE_URL", "http://127.0.0.1:9")

    done = hosted("list", "--remote", "--json")

    assert done.code == 6
    assert [batch["id"] for batch in done.json["batches"]] == ids
    assert [failed["provider"] for failed in done.json["failed"]] == ["regolo"]
    assert "Warning: regolo could not be listed" in done.err


def test_after_means_the_list_of_one_provider(
    hosted: Hosted, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGOLO_API_KEY", "sk-test")

    assert hosted(*REMOTE, "--after", ids[0]).code == 2
    assert hosted(*REMOTE, "--after", ids[3], "--provider", "openai").out.split() == ids[4:]


def test_without_any_key_it_says_so(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")

    done = hosted(*REMOTE)

    assert done.code == 4
    assert "there is no key of any provider" in done.err


def test_the_local_engine_has_no_list_of_its_own(hosted: Hosted) -> None:
    assert hosted(*REMOTE, "--provider", "local").code == 2
    assert hosted("list", "--remote", "--local").code == 2


def name_a_service(hosted: Hosted, home: Path, more: str = "") -> None:
    path = home / ".config" / "batch-cli" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(f'[providers.acme]\nbase_url = "{hosted.server.url}/v1"\nkey_env = "LLM_KEY"\n{more}')
    path.chmod(0o644)


def test_a_service_that_the_user_has_named_is_listed_like_any_other(
    hosted: Hosted, ids: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_a_service(hosted, tmp_path)
    monkeypatch.setenv("LLM_KEY", "sk-other")

    named = hosted("list", "--remote", "--provider", "acme", "--json")
    everywhere = hosted("list", "--remote", "--all", "--json").json["batches"]

    assert named.code == 0, named.err
    assert {(batch["provider"], batch["id"]) for batch in named.json["batches"]} == {
        ("acme", batch_id) for batch_id in ids
    }
    assert {(batch["provider"], batch["id"]) for batch in everywhere} == {
        (name, batch_id) for name in ("openai", "acme") for batch_id in ids
    }


def test_a_named_service_without_the_key_it_wants_or_without_an_address_is_not_asked(
    hosted: Hosted, ids: list[str], tmp_path: Path
) -> None:
    name_a_service(hosted, tmp_path, "[providers.nowhere]\n")

    assert hosted(*REMOTE).out.split() == ids

    named = hosted(*REMOTE, "--provider", "acme")
    assert named.code == 4
    assert "LLM_KEY environment variable is not set" in named.err


def test_a_key_file_goes_to_one_provider_alone(
    hosted: Hosted, ids: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("sk-test")
    (tmp_path / "key").chmod(0o600)
    monkeypatch.setenv("REGOLO_API_KEY", "sk-regolo")

    everywhere = hosted(*REMOTE, "--api-key-file", "key")
    named = hosted(*REMOTE, "--api-key-file", "key", "--provider", "openai")

    assert everywhere.code == 2
    assert "--api-key-file is the key of one provider" in everywhere.err
    assert named.out.split() == ids


def test_a_list_that_goes_round_in_circles_ends(hosted: Hosted, ids: list[str]) -> None:
    hosted.play("page-loop")

    assert set(hosted(*REMOTE, "--all").out.split()) == set(ids)


def test_the_local_list_asks_a_silent_provider_only_once(hosted: Hosted, ids: list[str]) -> None:
    hosted.server.kill()

    done = hosted("list", "--format", "plain", "--fields", "id")
    assert (done.code, done.out.split()) == (0, ids)
    assert done.err.count("what was known last is shown") == 1

    quiet = hosted("list", "--local", "--format", "plain", "--fields", "id,status")
    assert [line.split("\t")[0] for line in quiet.out.splitlines()] == ids
    assert "Warning" not in quiet.err
