"""What can be sent again where the provider gives no requests back, and no file of the user holds them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from batch_cli.jobs.kept_requests import KEPT_SECONDS, keep_requests, kept_requests_path, outlived_requests
from tests.conftest import Cli
from tests.hosted.conftest import Account
from tests.support import read_lines, write_lines

MODEL = ("-m", "anthropic/claude-x")


def messages(account: Account) -> Path:
    lines = [{"messages": [{"role": "user", "content": f"say {n}"}], "mine": n} for n in range(10)]
    return write_lines(account.directory / "messages.jsonl", lines)


def kept(account: Account) -> list[Path]:
    return sorted(account.directory.glob("**/requests/*.jsonl"))


@pytest.mark.parametrize("by_pipe", [False, True])
def test_messages_of_a_batch_that_expired_are_sent_again_also_when_their_file_is_gone(
    account: Account,
    process: Cli,
    by_pipe: bool,
) -> None:
    account.play("expired-partial")
    path = messages(account)
    if by_pipe:
        keys = {name: os.environ[name] for name in ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY")}
        submitted = process("submit", "-", *MODEL, "--wait", stdin=path.read_bytes(), env=keys)
    else:
        submitted = account.cli("submit", path.name, *MODEL, "--wait")
    assert submitted.code == 7, submitted.err
    path.unlink()
    account.play("ok")

    again = account.cli("retry", "--submit", "--wait")

    assert again.code == 0, again.err
    assert account.cli("results", "-o", "out.jsonl").code == 0
    rows = read_lines(account.directory / "out.jsonl")
    assert [row["input"]["mine"] for row in rows] == list(range(10))
    assert sorted(row["attempt"] for row in rows) == [1] * 5 + [2] * 5


def test_requests_in_a_file_of_the_user_are_not_kept_a_second_time(account: Account) -> None:
    assert account.submit(3).code == 0

    assert kept(account) == []


def test_what_is_kept_goes_with_its_batch(account: Account) -> None:
    assert account.cli("submit", messages(account).name, *MODEL, "--wait").code == 0
    (path,) = kept(account)
    assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0

    assert account.cli("delete", "--yes").code == 0

    assert kept(account) == []


def test_what_is_kept_goes_after_thirty_days_and_the_same_again_begins_them_anew(tmp_path: Path) -> None:
    for name in ("old", "new"):
        keep_requests(tmp_path, name, lambda: iter([b"{}"]))
    long_ago = time.time() - KEPT_SECONDS - 60
    os.utime(kept_requests_path(tmp_path, "old"), (long_ago, long_ago))

    assert [path.stem for path in outlived_requests(tmp_path, time.time())] == ["old"]

    keep_requests(tmp_path, "old", lambda: iter([b"never read"]))
    assert list(outlived_requests(tmp_path, time.time())) == []
    assert kept_requests_path(tmp_path, "old").read_bytes() == b"{}\n"
