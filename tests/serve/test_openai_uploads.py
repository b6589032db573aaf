"""Files that come in parts, by the official client and by hand."""

from __future__ import annotations

import contextlib
import hashlib
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.serving import ServerProcess, ended, wait_until
from tests.support import chat, write_lines

LINE = b'{"custom_id": "a"}\n'


def stored(server: ServerProcess) -> list[str]:
    return sorted(path.name for path in (server.directory / "data" / "files").iterdir())


def begin(client: OpenAI, size: int, **options: Any) -> str:
    given = {"filename": "a.txt", "purpose": "user_data", "mime_type": "text/plain", **options}
    return client.uploads.create(bytes=size, **given).id


def test_the_official_client_uploads_a_large_file_in_chunks_and_runs_it(
    client: OpenAI, server: ServerProcess, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "r.jsonl", [chat(f"r{n}") for n in range(100)])

    upload = client.uploads.upload_file_chunked(
        file=path,
        mime_type="application/jsonl",
        purpose="batch",
        part_size=1_000,
        md5=hashlib.md5(path.read_bytes()).hexdigest(),
    )

    assert upload.status == "completed"
    assert upload.expires_at - upload.created_at == 3600
    assert upload.file is not None
    assert (upload.file.filename, upload.file.bytes) == ("r.jsonl", path.stat().st_size)
    assert upload.file.expires_at == upload.file.created_at + 30 * 86_400
    assert client.files.content(upload.file.id).content == path.read_bytes()
    assert not [name for name in stored(server) if name.startswith("part_")]
    batch = client.batches.create(
        input_file_id=upload.file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    assert ended(client, batch.id).request_counts.completed == 100


def test_parts_are_put_together_in_the_order_they_are_named_in(client: OpenAI) -> None:
    upload = begin(client, 6, expires_after={"anchor": "created_at", "seconds": 7200})
    parts = [client.uploads.parts.create(upload, data=data) for data in (b"ef", b"ab", b"zz", b"cd")]

    done = client.uploads.complete(upload, part_ids=[parts[at].id for at in (1, 3, 0)])

    assert {part.upload_id for part in parts} == {upload}
    assert done.file is not None
    assert client.files.content(done.file.id).content == b"abcdef"
    assert done.file.expires_at == done.file.created_at + 7200


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"bytes": 0}, "bytes"),
        ({"bytes": "many"}, "bytes"),
        ({"bytes": True}, "bytes"),
        ({"filename": ""}, "filename"),
        ({"filename": "é" * 200}, "filename"),
        ({"filename": "a.csv", "purpose": "batch"}, "filename"),
        ({"purpose": "fun"}, "purpose"),
        ({"mime_type": 7}, "mime_type"),
        ({"expires_after": {}}, "expires_after.anchor"),
        ({"expires_after": 3600}, "expires_after"),
        ({"expires_after": {"anchor": "created_at", "seconds": 1}}, "expires_after.seconds"),
    ],
)
def test_a_wrong_upload_is_refused_at_once(client: OpenAI, options: dict[str, Any], param: str) -> None:
    given = {"bytes": 3, "filename": "a.txt", "purpose": "user_data", "mime_type": "text/plain", **options}

    with pytest.raises(openai.BadRequestError) as refused:
        client.uploads.create(**given)

    assert refused.value.param == param


def test_an_upload_larger_than_a_file_may_be_is_refused_at_once(client: OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        begin(client, 1_000_001)

    assert (refused.value.status_code, refused.value.code) == (413, "file_too_large")


def test_what_does_not_fit_together_is_refused_and_may_be_tried_again(client: OpenAI) -> None:
    upload, other = begin(client, 4), begin(client, 2)
    first, second = (client.uploads.parts.create(upload, data=data).id for data in (b"ab", b"cd"))
    foreign = client.uploads.parts.create(other, data=b"xy").id

    wrong: list[dict[str, Any]] = [
        {"part_ids": []},
        {"part_ids": [first]},
        {"part_ids": [first, foreign]},
        {"part_ids": [first, second, second]},
        {"part_ids": [first, second], "md5": hashlib.md5(b"cdab").hexdigest()},
    ]
    for options in wrong:
        with pytest.raises(openai.BadRequestError):
            client.uploads.complete(upload, **options)

    digest = hashlib.md5(b"abcd").hexdigest().upper()
    assert client.uploads.complete(upload, part_ids=[first, second], md5=digest).status == "completed"


def test_nothing_happens_to_an_upload_that_has_ended(client: OpenAI, server: ServerProcess) -> None:
    upload = begin(client, 2)
    part = client.uploads.parts.create(upload, data=b"ab").id
    assert part in stored(server)

    assert client.uploads.cancel(upload).status == "cancelled"

    assert part not in stored(server)
    for again in (
        lambda: client.uploads.parts.create(upload, data=b"ab"),
        lambda: client.uploads.complete(upload, part_ids=[part]),
        lambda: client.uploads.cancel(upload),
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            again()
        assert refused.value.code == "invalid_status"
    with pytest.raises(openai.NotFoundError):
        client.uploads.cancel("upload_none")


def test_a_part_holds_64_mb_at_most(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as running, running.client() as client:
        upload = begin(client, 100_000_000)

        client.uploads.parts.create(upload, data=bytes(64 * 1024 * 1024))
        with pytest.raises(openai.APIStatusError) as refused:
            client.uploads.parts.create(upload, data=bytes(64 * 1024 * 1024 + 1))

    assert refused.value.status_code == 413


def test_parts_and_files_share_the_room(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--max-data", "1kB") as running, running.client() as client:
        upload = begin(client, 600)
        client.uploads.parts.create(upload, data=bytes(600))

        with pytest.raises(openai.APIStatusError) as refused:
            client.files.create(file=("b.txt", bytes(600)), purpose="user_data")

        assert (refused.value.status_code, refused.value.code) == (413, "storage_full")
        client.uploads.cancel(upload)
        client.files.create(file=("b.txt", bytes(600)), purpose="user_data")


def test_an_upload_survives_a_kill_and_only_what_was_answered_is_kept(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as running:
        with running.client() as client:
            upload = begin(client, 4)
            first = client.uploads.parts.create(upload, data=b"ab").id
        running.kill()
        (tmp_path / "data" / "files" / "part_unknown").write_bytes(b"cut off")
        running.start()

        with running.client() as client:
            assert stored(running) == [first]
            second = client.uploads.parts.create(upload, data=b"cd").id
            file = client.uploads.complete(upload, part_ids=[first, second]).file
            running.kill()
            running.start()

        assert file is not None
        with running.client() as client:
            assert client.files.content(file.id).content == b"abcd"
        assert stored(running) == [file.id]


def test_an_upload_is_gone_after_an_hour_of_the_servers_clock(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--speed", "1200") as running, running.client() as client:
        upload = begin(client, 4)
        client.uploads.parts.create(upload, data=b"ab")
        assert len(stored(running)) == 1

        wait_until(lambda: not stored(running))

        with pytest.raises(openai.BadRequestError, match="expired"):
            client.uploads.parts.create(upload, data=b"cd")


def test_of_many_who_complete_or_cancel_one_wins_and_nothing_is_left(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as running, running.client() as client:
        upload = begin(client, 3_000_000)
        part = client.uploads.parts.create(upload, data=bytes(3_000_000)).id

        def end(number: int) -> str:
            try:
                if number % 2:
                    return client.uploads.cancel(upload).status
                return client.uploads.complete(upload, part_ids=[part]).status
            except openai.BadRequestError as refused:
                return str(refused.code)

        with ThreadPoolExecutor(8) as pool:
            ends = list(pool.map(end, range(8)))

        assert sorted(ends)[-7:] == ["invalid_status"] * 7
        (winner,) = [status for status in ends if status != "invalid_status"]
        assert [file.bytes for file in client.files.list()] == [3_000_000] * (winner == "completed")
        assert len(stored(running)) == (winner == "completed")


def test_killed_at_random_moments_an_upload_is_complete_or_can_be_completed(tmp_path: Path) -> None:
    dice = random.Random(5)
    with ServerProcess(tmp_path) as running:
        for round_ in range(6):
            with running.client() as client:
                upload = begin(client, 4_000_000)
                parts = [client.uploads.parts.create(upload, data=bytes(2_000_000)).id for _ in range(2)]

                def complete(upload: str = upload, parts: list[str] = parts) -> None:
                    with running.client() as other, contextlib.suppress(openai.APIConnectionError):
                        other.uploads.complete(upload, part_ids=parts)

                asking = threading.Thread(target=complete)
                asking.start()
                time.sleep(dice.uniform(0.0, 0.05))
                running.kill()
                asking.join()
            running.start()

            with running.client() as client:
                if len(client.files.list().data) == round_:
                    client.uploads.complete(upload, part_ids=parts)
                files = client.files.list().data
                assert [file.bytes for file in files] == [4_000_000] * (round_ + 1)
                assert stored(running) == sorted(file.id for file in files)
