"""Bodies of creates wait on this machine until they were answered, for their owner's eyes only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch_cli.errors import StateError
from batch_cli.providers.hosted.spool import Spool


def test_a_body_comes_back_byte_for_byte_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.write("bci_1", [b"ab", b"\xff" * 2_000_000])

    assert b"".join(spool.pieces("bci_1")) == b"ab" + b"\xff" * 2_000_000
    assert spool.size("bci_1") == 2_000_002
    (path,) = (tmp_path / "spool").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_body_that_was_cut_is_not_there(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"ab"
        raise RuntimeError("the file was cut")

    spool = Spool(tmp_path)
    with pytest.raises(RuntimeError):
        spool.write("bci_1", pieces())

    with pytest.raises(StateError, match="requests of the submit bci_1 are not in the state directory"):
        spool.size("bci_1")


def test_what_was_answered_is_known_and_its_body_goes(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write("bci_1", [b"ab"])
    assert spool.batch_of("bci_1") is None

    spool.settle("bci_1", "msgbatch_1")
    spool.settle("bci_1", "msgbatch_1")

    assert Spool(tmp_path).batch_of("bci_1") == "msgbatch_1"
    with pytest.raises(StateError):
        spool.size("bci_1")


def test_only_what_is_a_week_old_is_swept(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for name, age in (("bci_old", 8), ("bci_new", 6)):
        spool.write(name, [b"ab"])
        os.utime(tmp_path / f"{name}.json", (0, 10_000_000 - age * 86_400))

    spool.sweep(10_000_000)

    assert [path.name for path in tmp_path.iterdir()] == ["bci_new.json"]
