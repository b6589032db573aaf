from __future__ import annotations

from pathlib import Path

import pytest

from batch_cli.errors import StateError
from batch_cli.pointer import read_pointer, remove_pointer, write_pointer


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = write_pointer(tmp_path, "local", "local_1")

    assert path.name == "local_batch_id.txt"
    assert path.read_bytes() == b"local_1\n"
    assert read_pointer(tmp_path, "local") == ["local_1"]


def test_all_batches_of_a_job_are_kept_one_on_a_line(tmp_path: Path) -> None:
    write_pointer(tmp_path, "local", "local_1", "local_2")

    assert (tmp_path / "local_batch_id.txt").read_bytes() == b"local_1\nlocal_2\n"
    assert read_pointer(tmp_path, "local") == ["local_1", "local_2"]
    assert not remove_pointer(tmp_path, "local", "local_1")
    assert remove_pointer(tmp_path, "local", "local_1", "local_2")


@pytest.mark.parametrize("data", [b"batch_1", b"  batch_1 \r\n", b"\xef\xbb\xbfbatch_1\n"])
def test_an_id_typed_in_by_hand_works(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "openai_batch_id.txt").write_bytes(data)

    assert read_pointer(tmp_path, "openai") == ["batch_1"]


def test_no_file_is_no_id(tmp_path: Path) -> None:
    assert read_pointer(tmp_path, "openai") == []


@pytest.mark.parametrize("data", [b"", b" \n", b"\xff\xfe", b"a\x00b", b"../../etc", b"<html>"])
def test_a_damaged_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "openai_batch_id.txt").write_bytes(data)

    with pytest.raises(StateError, match="state file 'openai_batch_id"):
        read_pointer(tmp_path, "openai")


def test_a_directory_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "openai_batch_id.txt").mkdir()

    with pytest.raises(StateError, match="cannot be read"):
        read_pointer(tmp_path, "openai")


def test_it_is_removed_only_if_it_points_at_the_batch(tmp_path: Path) -> None:
    write_pointer(tmp_path, "local", "local_1")

    assert not remove_pointer(tmp_path, "local", "local_2")
    assert remove_pointer(tmp_path, "local", "local_1")
    assert not remove_pointer(tmp_path, "local", "local_1")
