from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from batch_cli.errors import DiskError, InvalidInput, StateError
from batch_cli.files import (
    PartFile,
    held,
    open_input,
    private_directory,
    reopened,
    resolve_output,
    try_lock,
    write_atomically,
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestOpenInput:
    def test_a_missing_file_suggests_the_one_that_was_meant(self, tmp_path: Path) -> None:
        (tmp_path / "requests.jsonl").touch()

        with pytest.raises(InvalidInput, match="no such file") as caught:
            open_input(tmp_path / "request.jsonl")
        assert "requests.jsonl" in (caught.value.hint or "")
        assert caught.value.reference == "E501"

    def test_a_directory_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput, match="is a directory"):
            open_input(tmp_path)

    def test_a_pipe_does_not_hang(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")

        with pytest.raises(InvalidInput, match="not a regular file"):
            open_input(tmp_path / "pipe")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_a_forbidden_file_says_how_to_allow_it(self, tmp_path: Path) -> None:
        path = tmp_path / "f"
        path.touch(mode=0)

        with pytest.raises(InvalidInput, match="permission denied") as caught:
            open_input(path)
        assert "chmod" in (caught.value.hint or "")


class TestWriteAtomically:
    def test_it_replaces_the_content_and_leaves_nothing_behind(self, tmp_path: Path) -> None:
        path = tmp_path / "f"
        path.write_text("old")

        write_atomically(path, b"new")

        assert path.read_text() == "new"
        assert os.listdir(tmp_path) == ["f"]

    def test_a_replaced_file_keeps_its_mode(self, tmp_path: Path) -> None:
        path = tmp_path / "f"
        path.touch()
        path.chmod(0o640)

        write_atomically(path, b"new")

        assert mode(path) == 0o640

    def test_a_new_file_follows_the_umask(self, tmp_path: Path) -> None:
        before = os.umask(0o027)
        try:
            write_atomically(tmp_path / "f", b"x")
        finally:
            os.umask(before)

        assert mode(tmp_path / "f") == 0o640

    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "real").write_text("old")
        (tmp_path / "link").symlink_to("real")

        write_atomically(tmp_path / "link", b"new")

        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "real").read_text() == "new"

    def test_a_failure_leaves_the_old_content(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "f"
        path.write_text("old")

        def fail(_descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(DiskError, match="no space left"):
            write_atomically(path, b"new")

        assert path.read_text() == "old"
        assert os.listdir(tmp_path) == ["f"]

    def test_a_signal_half_way_leaves_the_old_content(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "f"
        path.write_text("old")

        def interrupt(_descriptor: int) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_atomically(path, b"new")

        assert path.read_text() == "old"
        assert os.listdir(tmp_path) == ["f"]

    def test_a_missing_directory_is_a_disk_error(self, tmp_path: Path) -> None:
        with pytest.raises(DiskError, match="no such file or directory"):
            write_atomically(tmp_path / "nope" / "f", b"x")

    @pytest.mark.parametrize("make", [os.mkfifo])
    def test_what_is_no_file_is_not_replaced(self, tmp_path: Path, make: object) -> None:
        make(tmp_path / "f")  # type: ignore[operator]  # one of two functions

        with pytest.raises(DiskError, match="not a regular file"):
            resolve_output(tmp_path / "f")


class TestPartFile:
    def test_the_name_appears_only_when_complete(self, tmp_path: Path) -> None:
        path = tmp_path / "out"
        with PartFile(path) as part:
            part.write(b"a" * 3_000_000)
            assert os.listdir(tmp_path) == ["out.part"]
            part.commit()

        assert path.stat().st_size == 3_000_000
        assert os.listdir(tmp_path) == ["out"]

    def test_an_unfinished_part_goes_and_the_old_file_stays(self, tmp_path: Path) -> None:
        path = tmp_path / "out"
        path.write_text("old")

        with pytest.raises(RuntimeError), PartFile(path) as part:
            part.write(b"new")
            raise RuntimeError

        assert path.read_text() == "old"
        assert os.listdir(tmp_path) == ["out"]

    def test_a_second_writer_is_refused_at_once(self, tmp_path: Path) -> None:
        with PartFile(tmp_path / "out"), pytest.raises(StateError, match="another batch-cli is writing"):
            PartFile(tmp_path / "out")

    def test_the_next_writer_gets_the_name_after_a_commit(self, tmp_path: Path) -> None:
        for text in (b"one", b"two"):
            with PartFile(tmp_path / "out") as part:
                part.write(text)
                part.commit()

        assert (tmp_path / "out").read_bytes() == b"two"

    def test_a_part_left_by_a_killed_run_is_overwritten(self, tmp_path: Path) -> None:
        (tmp_path / "out.part").write_text("half of someth")

        with PartFile(tmp_path / "out") as part:
            part.write(b"whole")
            part.commit()

        assert (tmp_path / "out").read_bytes() == b"whole"

    def test_a_link_in_place_of_the_part_is_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "victim").write_text("keep")
        (tmp_path / "out.part").symlink_to("victim")

        with pytest.raises(DiskError):
            PartFile(tmp_path / "out")

        assert (tmp_path / "victim").read_text() == "keep"


def test_a_lock_is_exclusive_until_it_is_closed(tmp_path: Path) -> None:
    first = try_lock(tmp_path / "lock")
    assert first is not None
    with held(first):
        assert try_lock(tmp_path / "lock") is None
    second = try_lock(tmp_path / "lock")
    assert second is not None
    os.close(second)


class TestPrivateDirectory:
    def test_it_is_made_for_its_owner_alone(self, tmp_path: Path) -> None:
        made = private_directory(tmp_path / "a" / "b")

        assert mode(made) == 0o700

    def test_one_that_others_can_write_is_refused(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o777)

        with pytest.raises(DiskError, match="could be changed by somebody else"):
            private_directory(tmp_path)
        tmp_path.chmod(0o700)


def test_readers_of_a_file_without_a_name_do_not_move_each_other() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"one\ntwo\nthree\n")
        file.flush()
        first, second = reopened(file.fileno()), reopened(file.fileno())
        assert first.readline() == b"one\n"
        assert second.read() == b"one\ntwo\nthree\n"
        first.close()
        second.seek(4)
        assert second.readline() == b"two\n"
        assert second.seek(-6, os.SEEK_END) == 8
        assert second.read() == b"three\n"
