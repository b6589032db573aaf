"""The server's database: what an older version wrote is kept, and ends up as if it had been new."""

from __future__ import annotations

from pathlib import Path

from batch_cli.serve.records import SCHEMAS, FileRecord, NewBatch, Records
from batch_cli.serve.upload_records import PartRecord, UploadRecord, UploadRecords
from batch_cli.sql import Database

FILE = FileRecord(1, "file-a", "batch", "a.jsonl", 7, 1.0, None)
UPLOAD = UploadRecord("upload_a", "pending", "a.jsonl", "batch", 7, None, 10.0, 20.0)


def schema(directory: Path) -> list[tuple[str, ...]]:
    database = Database(directory / "serve.db", SCHEMAS)
    found = database.rows("select name, sql from sqlite_master order by name")
    database.close()
    return found


def test_an_older_database_is_upgraded_and_keeps_its_files(tmp_path: Path) -> None:
    old, fresh = tmp_path / "old", tmp_path / "fresh"
    old.mkdir()
    fresh.mkdir()
    first = Database(old / "serve.db", SCHEMAS[:1])
    first.change("insert into file values (1, 'file-a', 'batch', 'a.jsonl', 7, 1.0, null)")
    first.close()

    records = Records(old)
    assert records.file("file-a", 5.0) == FILE
    records.close()

    assert schema(old) == schema(fresh)


def test_a_key_goes_with_its_batch(tmp_path: Path) -> None:
    records = Records(tmp_path)
    new = NewBatch("batch_a", "file-a", "/v1/completions", "24h", None, None, 1.0, 2.0)

    made = records.add_keyed_batch(new, "key", "digest")

    assert records.batch_of_key("key") == ("digest", made)
    assert records.batch_of_key("other") is None
    records.close()


def test_an_upload_takes_parts_until_its_time_is_over(tmp_path: Path) -> None:
    uploads = UploadRecords(tmp_path)
    uploads.add(UPLOAD)

    assert uploads.add_part(PartRecord("part_a", "upload_a", 3, 19.9))
    assert not uploads.add_part(PartRecord("part_b", "upload_a", 3, 20.0))
    assert not uploads.add_part(PartRecord("part_c", "upload_none", 3, 11.0))

    late = uploads.find("upload_a", 20.0)
    assert late is not None
    assert (late.status, uploads.stored_bytes()) == ("expired", 3)
    assert uploads.complete("upload_a", FILE, 20.0) is None
    assert uploads.cancel("upload_a", 20.0) is None
    assert uploads.expire(19.9) == []
    assert uploads.expire(20.0) == ["part_a"]
    assert (uploads.stored_bytes(), uploads.latest_moment()) == (0, 10.0)
    uploads.close()


def test_a_completed_upload_becomes_a_file_at_once(tmp_path: Path) -> None:
    uploads, records = UploadRecords(tmp_path), Records(tmp_path)
    uploads.add(UPLOAD)
    uploads.add_part(PartRecord("part_a", "upload_a", 7, 11.0))
    assert records.file("file-a", 12.0) is None

    assert uploads.complete("upload_a", FILE, 12.0) == ["part_a"]

    assert records.file("file-a", 12.0) == FILE
    assert uploads.complete("upload_a", FILE, 12.0) is None
    uploads.close()
    records.close()
