from __future__ import annotations

import asyncio
from pathlib import Path

from batch_cli.engine.handlers.live.answers import Answers
from batch_cli.engine.handlers.live.figures import Figures
from batch_cli.engine.handlers.live.once import Once
from batch_cli.engine.reply import Reply

GOOD = Reply(200, {"choices": ["x" * 100]})


def opened(path: Path, most: int = 1_000_000, asked: str = "http://m") -> Answers:
    return Answers(path / "answers.db", most, [asked])


def test_an_answer_is_found_again_after_the_file_was_closed(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.put(first.key("/v1/x", b"{}"), GOOD)
    first.close()

    again = opened(tmp_path)
    assert again.get(again.key("/v1/x", b"{}")) == GOOD
    assert again.get(again.key("/v1/y", b"{}")) is None
    assert again.get(again.key("/v1/x", b"[]")) is None
    again.close()


def test_the_same_request_to_somebody_else_is_another_one(tmp_path: Path) -> None:
    here, there = opened(tmp_path), opened(tmp_path, asked="http://n")

    assert here.key("/v1/x", b"{}") != there.key("/v1/x", b"{}")
    here.close()
    there.close()


def test_no_more_is_kept_than_may_be_and_what_was_used_last_stays(tmp_path: Path) -> None:
    answers = opened(tmp_path, most=20_000)
    keys = [answers.key("/v1/x", str(n).encode()) for n in range(500)]
    for key in keys:
        answers.put(key, GOOD)
        answers.get(keys[0])
    answers.close()

    again = opened(tmp_path)
    kept = [at for at, key in enumerate(keys) if again.get(key) is not None]
    again.close()
    assert 50 < len(kept) < 20_000 / 100
    assert kept[-1] == 499
    assert kept[0] == 0, "it was used all the time"


def test_what_is_under_way_is_waited_for_and_a_bad_answer_is_not_kept(tmp_path: Path) -> None:
    async def scene() -> tuple[list[Reply | None], int]:
        answers, asked = opened(tmp_path), 0
        once = Once(answers, Figures())

        async def ask() -> Reply:
            nonlocal asked
            asked += 1
            await asyncio.sleep(0)
            return Reply(500, {"error": {}})

        replies = await asyncio.gather(*(once.ask("/v1/x", b"{}", ask) for _ in range(3)))
        await once.ask("/v1/x", b"{}", ask)
        answers.close()
        return [*replies], asked

    replies, asked = asyncio.run(scene())

    assert [reply and reply.status for reply in replies] == [500, 500, 500]
    assert asked == 2
