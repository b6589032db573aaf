"""A long list asked for in several requests, as if it were one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from batch_cli.errors import BatchCliError, Stopped
from batch_cli.predict.prediction import NO_ANSWER, Answer, Prediction

Asked = TypeVar("Asked")


def cut(items: Iterable[Asked], size: int | None) -> Iterator[list[Asked]]:
    """Give the items in lists of ``size``; None: all in one. Lazy, and one list at a time in memory."""
    waiting = iter(items)
    while chunk := list(islice(waiting, size)):
        yield chunk


def ask(
    chunks: Iterable[list[Asked]],
    one: Callable[[list[Asked]], Answer],
    name: Callable[[Asked], str],
) -> Iterator[Answer]:
    """Ask for each chunk and give its answer, with places counted over all chunks.

    A later chunk without an answer becomes a failed prediction for each of its items, so that what was answered
    before is not lost.

    Raises:
        BatchCliError: the first chunk got no answer.
    """
    done = 0
    for chunk in chunks:
        try:
            answer = one(chunk)
        except Stopped:
            raise
        except BatchCliError as error:
            if not done:
                raise
            why = "; ".join((error.message, *error.where))
            answer = Answer(
                [Prediction(at, name(item), NO_ANSWER, error=why) for at, item in enumerate(chunk)]
            )
        yield replace(answer, predictions=[each.moved(done) for each in answer.predictions])
        done += len(chunk)
