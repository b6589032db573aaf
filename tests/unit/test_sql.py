from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from batch_cli.errors import DiskError, StateError
from batch_cli.sql import Database, load_statements

FIRST = "create table a (x integer) strict"
SECOND = "create table b (y integer) strict;\ninsert into b values (7)"


def schema(path: Path) -> list[tuple[str, ...]]:
    with sqlite3.connect(path) as connection:
        return connection.execute("select name, sql from sqlite_schema order by name").fetchall()


def test_an_upgraded_database_equals_a_fresh_one(tmp_path: Path) -> None:
    Database(tmp_path / "old", [FIRST]).close()
    upgraded = Database(tmp_path / "old", [FIRST, SECOND])
    Database(tmp_path / "fresh", [FIRST, SECOND]).close()

    assert upgraded.row("select y from b") == (7,)
    upgraded.close()
    assert schema(tmp_path / "old") == schema(tmp_path / "fresh")


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    Database(tmp_path / "db", [FIRST, SECOND]).close()

    with pytest.raises(DiskError, match="newer version"):
        Database(tmp_path / "db", [FIRST])


def test_a_damaged_database_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"not a database at all" * 100)

    with pytest.raises(DiskError, match="is damaged"):
        Database(tmp_path / "db", [FIRST])
    assert (tmp_path / "db").read_bytes().startswith(b"not a database")


def test_a_transaction_happens_wholly_or_not_at_all(tmp_path: Path) -> None:
    database = Database(tmp_path / "db", [FIRST])

    with pytest.raises(RuntimeError), database.transaction():
        database.change("insert into a values (1)")
        raise RuntimeError

    assert database.rows("select * from a") == []
    database.close()


def test_a_busy_database_names_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batch_cli.sql._BUSY_SECONDS", 0.05)
    first = Database(tmp_path / "db", [FIRST])
    second = Database(tmp_path / "db", [FIRST])

    with first.transaction(), pytest.raises(StateError, match="busy"), second.transaction():
        pass
    first.close()
    second.close()


def test_a_full_database_is_a_disk_error(tmp_path: Path) -> None:
    database = Database(tmp_path / "db", [FIRST])
    database.change("pragma max_page_count=1")

    with pytest.raises(DiskError, match="no space left"), database.transaction():
        database.change_many("insert into a values (?)", ((n,) for n in range(100_000)))
    database.close()


def test_the_file_is_private(tmp_path: Path) -> None:
    Database(tmp_path / "db", [FIRST]).close()

    assert (tmp_path / "db").stat().st_mode & 0o777 == 0o600


def test_statements_are_read_by_name() -> None:
    statements = load_statements("batch_cli.engine", "queries.sql")

    assert "insert into batch" in statements["add_batch"]
    assert "schema_1" in statements


def test_all_its_files_are_private_while_it_is_open(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        opened = Database(tmp_path / "a.db", ["create table t (x)"])
        opened.change("insert into t values (1)")
    finally:
        os.umask(before)

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    opened.close()
    assert modes == dict.fromkeys(("a.db", "a.db-wal", "a.db-shm"), 0o600)


def test_a_process_that_opens_it_twice_keeps_its_place_among_others(tmp_path: Path) -> None:
    """Otherwise the last of the others removes the log that is written to here, and what is in it is lost."""
    path = tmp_path / "a.db"
    first = Database(path, [FIRST])
    second = Database(path, [FIRST])
    look = (
        "import sqlite3, sys; one = sqlite3.connect(sys.argv[1]); print(one.execute(sys.argv[2]).fetchall())"
    )

    def others(statement: str) -> str:
        words = [sys.executable, "-c", f"{look}; one.commit(); one.close()", str(path), statement]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    others("insert into a values (1)")
    first.change("insert into a values (2)")

    assert others("select x from a order by 1") == "[(1,), (2,)]"
    first.close()
    second.close()
