"""Where a row stands, as one integer: two would be 32 bytes more for each of millions.

From the left: offset, length (20 bits), number of the file (3 bits), whether the line is sealed (1 bit).
That is less than 2**60 in files of 64 GB.
"""

from __future__ import annotations

KEY = (1 << 60) - 1
"""As much of the hash of an id as finds a place: below 2**60 an integer has 32 bytes."""
LONG = (1 << 20) - 1
"""Stands for every length from here on: the line is read to its end then."""
MOST_FILES = 8


def place_of(offset: int, length: int, number: int, *, is_sealed: bool) -> int:
    """Give the place of a row in a file."""
    return offset << 24 | min(LONG, length) << 4 | number << 1 | is_sealed
