from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from batch_cli.object_store import ObjectAddress, ObjectStore
from tests.bucket import Bucket
from tests.conftest import Cli
from tests.support import chat

pytest.importorskip("obstore")
pytest.importorskip("moto")

LINES = b"".join(json.dumps(chat(f"r{n}", "I am Ada, 36.")).encode() + b"\n" for n in range(3))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with Bucket(tmp_path_factory.mktemp("moto")) as bucket:
        yield bucket


@pytest.fixture
def bucket(running: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    return running


def rows_of(data: bytes | None) -> list[Any]:
    assert data is not None
    return [json.loads(line) for line in data.splitlines()]


def test_an_object_is_validated_like_a_file(cli: Cli, bucket: Bucket) -> None:
    good, bad = bucket.put("v/good.jsonl", LINES), bucket.put("v/bad.jsonl", b"{}\n")

    assert cli("validate", good).code == 0
    done = cli("validate", bad)

    assert done.code == 3
    assert f"{bad}:1" in done.out


def test_the_same_object_is_the_same_submit_and_other_content_another(cli: Cli, bucket: Bucket) -> None:
    address = bucket.put("s/in.jsonl", LINES)
    first = cli("submit", address, "-m", "local/simulate", "--json").json["batch"]["id"]

    assert cli("submit", address, "-m", "local/simulate", "--json").json["batch"]["id"] == first
    bucket.put("s/in.jsonl", LINES + json.dumps(chat("one-more")).encode() + b"\n")
    assert cli("submit", address, "-m", "local/simulate", "--json").json["batch"]["id"] != first


def test_create_reads_an_object_by_its_ending_and_writes_one(cli: Cli, bucket: Bucket) -> None:
    address = bucket.put("c/rows.csv", b"text\nhello\nworld\n")

    done = cli("create", "-i", address, "--prompt-column", "text", "-m", "openai/gpt-4o-mini",
               "-o", "s3://data/c/out.jsonl")  # fmt: skip

    assert (done.code, done.out) == (0, "s3://data/c/out.jsonl\n")
    assert [row["custom_id"] for row in rows_of(bucket.get("c/out.jsonl"))] == ["request-0", "request-1"]


def test_columns_of_an_object_come_back_beside_the_answers(cli: Cli, bucket: Bucket) -> None:
    address = bucket.put("k/rows.csv", b"prompt,ticket\nhello,17\nworld,18\n")
    requests = "s3://data/k/requests.jsonl"

    done = cli("create", "-i", address, "-m", "local/simulate", "-o", requests)
    assert f"Columns of your own: {requests}.columns.jsonl" in done.err
    assert cli("submit", requests, "-m", "local/simulate", "--results", "s3://data/k/out.jsonl").code == 0

    assert [row["input"]["ticket"] for row in rows_of(bucket.get("k/out.jsonl"))] == ["17", "18"]


def test_columns_of_other_requests_are_not_taken_for_those_of_an_object(cli: Cli, bucket: Bucket) -> None:
    address = bucket.put("l/rows.csv", b"prompt,ticket\nhello,17\n")
    cli("create", "-i", address, "-m", "local/simulate", "-o", "s3://data/l/requests.jsonl")
    bucket.put("l/requests.jsonl", LINES)

    done = cli("submit", "s3://data/l/requests.jsonl", "-m", "local/simulate")

    assert done.code == 0
    assert "s3://data/l/requests.jsonl.columns.jsonl is not of this request file as it is now" in done.err


def test_convert_writes_an_object(cli: Cli, bucket: Bucket, tmp_path: Path) -> None:
    address = bucket.put("n/in.jsonl", LINES)

    done = cli("convert", address, "--to", "mistral", "-o", "s3://data/n/out.jsonl")

    assert done.code == 0
    assert "written to s3://data/n/out.jsonl" in done.err
    assert [row["custom_id"] for row in rows_of(bucket.get("n/out.jsonl"))] == ["r0", "r1", "r2"]
    assert not list((tmp_path / "state" / "objects").glob("*/*"))


def test_a_repaired_copy_is_an_object_with_its_old_ids_beside_it(cli: Cli, bucket: Bucket) -> None:
    twice = bucket.put("x/twice.jsonl", LINES + LINES)
    line = ("--fix", "-o", "s3://data/x/fixed.jsonl")

    done = cli("validate", twice, *line)

    assert done.code == 0, done.err
    assert "Written to: s3://data/x/fixed.jsonl (old ids in s3://data/x/fixed.jsonl.ids.json)" in done.err
    assert len(rows_of(bucket.get("x/fixed.jsonl"))) == 6
    assert len(json.loads(bucket.get("x/fixed.jsonl.ids.json") or b"{}")) == 3
    assert cli("validate", "s3://data/x/fixed.jsonl").code == 0

    assert (
        cli("validate", bucket.put("x/good.jsonl", LINES), *line).code == 0
    )  # no map of the other file stays
    assert json.loads(bucket.get("x/fixed.jsonl.ids.json") or b"") == {}


def test_what_cannot_be_repaired_writes_no_object(cli: Cli, bucket: Bucket) -> None:
    cli("validate", bucket.put("y/twice.jsonl", LINES + LINES), "--fix", "-o", "s3://data/y/fixed.jsonl")
    before = bucket.get("y/fixed.jsonl"), bucket.get("y/fixed.jsonl.ids.json")

    done = cli("validate", bucket.put("y/bad.jsonl", b"{]\n"), "--fix", "-o", "s3://data/y/fixed.jsonl")

    assert done.code == 3
    assert (bucket.get("y/fixed.jsonl"), bucket.get("y/fixed.jsonl.ids.json")) == before


def test_a_repaired_copy_does_not_replace_its_source(cli: Cli, bucket: Bucket) -> None:
    address = bucket.put("z/in.jsonl", LINES)

    done = cli("validate", address, "--fix", "-o", address)

    assert done.code == 2
    assert "--fix would overwrite its input" in done.err


def test_run_goes_from_object_to_object_with_its_proof(cli: Cli, bucket: Bucket, tmp_path: Path) -> None:
    address = bucket.put("r/in.jsonl", LINES)
    line = ("run", address, "-o", "s3://data/r/out.jsonl", "-m", "local/simulate")

    assert cli(*line).code == 0

    data = bucket.get("r/out.jsonl")
    assert [row["custom_id"] for row in rows_of(data)] == ["r0", "r1", "r2"]
    proof = json.loads(bucket.get("r/out.jsonl.meta.json") or b"{}")
    assert (proof["rows"], proof["bytes"]) == (3, len(data or b""))
    assert not list((tmp_path / "state" / "objects").glob("*/*"))
    assert "already complete" in cli(*line).err


def test_results_do_not_replace_what_is_not_theirs_unless_forced(cli: Cli, bucket: Bucket) -> None:
    address = bucket.put("o/in.jsonl", LINES)
    theirs = bucket.put("o/theirs.jsonl", b"precious\n")
    cli("submit", address, "-m", "local/simulate", "--wait")

    done = cli("results", "-o", theirs)

    assert done.code == 9
    assert "s3://data/o/theirs.jsonl' exists and holds something else" in done.err
    assert bucket.get("o/theirs.jsonl") == b"precious\n"
    assert cli("results", "-o", theirs, "--force").code == 0
    assert len(rows_of(bucket.get("o/theirs.jsonl"))) == 3


def test_an_upload_that_failed_is_gone_on_with_by_the_same_line(
    cli: Cli, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("submit", bucket.put("f/in.jsonl", LINES), "-m", "local/simulate", "--wait")

    def fails(*_: object, **__: object) -> None:
        raise ConnectionAbortedError

    with monkeypatch.context() as broken:
        broken.setattr(ObjectStore, "write", fails)
        assert cli("results", "-o", "s3://data/f/out.jsonl").code != 0
    assert bucket.get("f/out.jsonl") is None

    assert cli("results", "-o", "s3://data/f/out.jsonl").code == 0
    assert len(rows_of(bucket.get("f/out.jsonl"))) == 3


def test_a_result_file_in_a_bucket_is_checked_and_written_to_another_object(cli: Cli, bucket: Bucket) -> None:
    result = {
        "id": "x",
        "custom_id": "r0",
        "response": {"status_code": 200, "body": {"choices": []}},
        "error": None,
    }
    source = bucket.put("b/results.jsonl", json.dumps(result).encode() + b"\n")
    line = ("results", "--from-file", source, "-o", "s3://data/b/out.jsonl")

    assert cli(*line).code == 0
    assert [row["custom_id"] for row in rows_of(bucket.get("b/out.jsonl"))] == ["r0"]
    assert "already complete" in cli(*line).err


@pytest.mark.usefixtures("bucket")
def test_an_object_that_is_not_there_is_an_error_of_the_input(cli: Cli) -> None:
    done = cli("submit", "s3://data/nothing.jsonl", "-m", "local/simulate")

    assert done.code == 3
    assert "no such object: 's3://data/nothing.jsonl'" in done.err
    assert len(done.err.splitlines()) <= 3


def test_a_missing_bucket_is_found_before_anything_is_submitted(
    cli: Cli, bucket: Bucket, tmp_path: Path
) -> None:
    address = bucket.put("m/in.jsonl", LINES)

    done = cli("run", address, "-o", "s3://no-such-bucket/out.jsonl", "-m", "local/simulate")

    assert done.code == 5
    assert "no such bucket while looking for 's3://no-such-bucket/out.jsonl'" in done.err
    assert not (tmp_path / "state" / "journal.db").exists()


@pytest.mark.parametrize("address", ["s3://", "s3://bucket", "s3://bucket/folder/", "gs:///key"])
def test_an_address_without_bucket_or_key_is_an_error_of_usage(cli: Cli, address: str) -> None:
    done = cli("validate", address)

    assert done.code == 2
    assert "does not name an object" in done.err


def test_azure_without_an_account_says_what_to_set(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)

    done = cli("validate", "az://container/in.jsonl")

    assert done.code == 4
    assert "no credentials found" in done.err
    assert "AZURE_STORAGE_ACCOUNT_NAME" in done.err


def test_without_the_extra_the_error_names_it(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore", None)

    done = cli("validate", "s3://bucket/in.jsonl")

    assert done.code == 4
    assert "pip install 'batch-cli[cloud]'" in done.err


def test_an_endpoint_elsewhere_is_not_spoken_to_in_the_clear(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://192.0.2.1:9000")

    done = cli("validate", "s3://bucket/in.jsonl")

    assert done.code == 4
    assert "is not encrypted" in done.err


def test_a_stop_takes_back_what_was_sent(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "big"
    path.write_bytes(bytes(20 << 20))

    def stopped(stream: Any) -> Iterator[bytes]:
        for _ in range(17):
            yield stream.read(1 << 20)
        raise KeyboardInterrupt

    monkeypatch.setattr("batch_cli.object_store._blocks", stopped)
    with pytest.raises(KeyboardInterrupt):
        ObjectStore(bucket.environment).write(ObjectAddress("s3", "data", "stop/big"), path)

    assert (bucket.get("stop/big"), bucket.uploads()) == (None, 0)


def test_a_large_object_comes_and_goes_whole_and_in_parts(bucket: Bucket, tmp_path: Path) -> None:
    path, back = tmp_path / "big", tmp_path / "back"
    path.write_bytes(bytes(range(256)) * (20 << 12))
    store, address = ObjectStore(bucket.environment), ObjectAddress("s3", "data", "whole/big")

    store.write(address, path, sha256="abc", owner="us")
    with back.open("wb") as sink:
        facts = store.read(address, sink)

    assert (facts.size, facts.sha256, facts.owner) == (20 << 20, "abc", "us")
    assert (facts.etag or "").endswith('-3"')
    assert path.read_bytes() == back.read_bytes()


@pytest.mark.parametrize(
    "line",
    [
        ("report", "s3://data/k"),
        ("report", "answers.jsonl", "--html", "s3://data/k"),
        ("verify", "s3://data/k"),
        ("results", "--errors", "s3://data/k", "-o", "more.jsonl"),
        ("results", "--junit", "s3://data/k", "-o", "more.jsonl"),
        ("retry", "s3://data/k", "-o", "again.jsonl"),
        ("retry", "--only", "all", "--where", 'custom_id=="r0"', "-o", "s3://data/k"),
    ],
    ids=lambda line: f"{line[0]} {line[-1]}",
)
def test_a_place_that_takes_files_alone_says_so_of_an_object(
    cli: Cli, tmp_path: Path, line: tuple[str, ...]
) -> None:
    (tmp_path / "r.jsonl").write_bytes(LINES)
    cli("run", "r.jsonl", "-o", "answers.jsonl", "-m", "local/simulate", "--simulate-errors", "1")

    done = cli(*line)

    assert done.code in {2, 3, 12}
    assert "this place takes files, no objects: name a file, and copy it from or to the bucket" in done.err
