"""Measure: how large a request file's lines are, and about how many tokens of text they hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO

from batch_cli.jsonl import LineTooLong, is_blank, read_lines

BYTES_PER_TOKEN = 4
"""A rule of thumb: a token is about four characters of English.

Source: https://help.openai.com/en/articles/4936856 (read 2026-11-21).
"""
_TEXT = re.compile(rb'"(?:content|text|prompt|input|system|instructions)"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"')
_ALL_OF_THE_FIRST = 1_000
_THEN_EVERY = 64


@dataclass(slots=True)
class Sizes:
    """The request lines of a file, measured in bytes, each with its line end."""

    lines: int = 0
    bytes: int = 0
    smallest: int = 0
    largest: int = 0
    tokens: int = 0
    """An estimate for the text of the requests, without their answers and without JSON around it."""

    @property
    def mean(self) -> float:
        """Give the size of the average line."""
        return self.bytes / self.lines if self.lines else 0.0


def measure(stream: BinaryIO, *, max_bytes: int) -> Sizes:
    """Measure the lines of a request file that are not blank; it stops before one of over ``max_bytes``.

    The text is looked for in the first thousand lines and in every 64th after them, and taken to be the same
    share of the others: ``tokens = bytes * text / sampled / 4``. Memory: one line.
    """
    sizes = Sizes()
    text = sampled = 0
    try:
        for line in read_lines(stream, max_bytes=max_bytes):
            if is_blank(line.raw):
                continue
            length = len(line.raw) + 1
            sizes.lines += 1
            sizes.bytes += length
            sizes.largest = max(sizes.largest, length)
            sizes.smallest = min(sizes.smallest or length, length)
            if sizes.lines <= _ALL_OF_THE_FIRST or not sizes.lines % _THEN_EVERY:
                sampled += length
                text += sum(map(len, _TEXT.findall(line.raw)))
    except LineTooLong:
        pass  # the check of the file has said so
    if sampled:
        sizes.tokens = round(sizes.bytes * text / sampled / BYTES_PER_TOKEN)
    return sizes
