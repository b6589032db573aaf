"""The ids that a server makes."""

from __future__ import annotations

import secrets
import string
from collections import Counter
from hashlib import blake2b

_LETTERS = string.ascii_lowercase + string.digits


class Ids:
    """Makes ids of 128 bits, or as long as is asked for: random ones that nobody can guess, or with a seed the same ones in every run."""

    def __init__(self, seed: int | None = None, start: float = 0) -> None:
        """Make them from ``seed``; ``start`` keeps a server that goes on from making those that it made before."""
        self._seed, self._start = seed, start
        self._made: Counter[str] = Counter()

    def new(self, prefix: str) -> str:
        """Make the next id with this prefix."""
        return f"{prefix}{self._bytes(prefix, 16).hex()}"

    def letters(self, kind: str, count: int) -> str:
        """Make the next id of a kind as ``count`` small letters and digits, 42 at most; it has no prefix."""
        number = int.from_bytes(self._bytes(kind, 32))
        digits = []
        for _ in range(count):
            number, digit = divmod(number, len(_LETTERS))
            digits.append(_LETTERS[digit])
        return "".join(digits)

    def _bytes(self, kind: str, size: int) -> bytes:
        if self._seed is None:
            return secrets.token_bytes(size)
        self._made[kind] += 1
        named = f"{self._seed} {self._start} {kind} {self._made[kind]}"
        return blake2b(named.encode(), digest_size=size).digest()
