"""The ids that a server makes."""

from __future__ import annotations

import secrets
from collections import Counter
from hashlib import blake2b


class Ids:
    """Makes ids of 128 bits: random ones that nobody can guess, or with a seed the same ones in every run."""

    def __init__(self, seed: int | None = None, start: float = 0) -> None:
        """Make them from ``seed``; ``start`` keeps a server that goes on from making those that it made before."""
        self._seed, self._start = seed, start
        self._made: Counter[str] = Counter()

    def new(self, prefix: str) -> str:
        """Make the next id with this prefix."""
        if self._seed is None:
            return f"{prefix}{secrets.token_hex(16)}"
        self._made[prefix] += 1
        named = f"{self._seed} {self._start} {prefix} {self._made[prefix]}"
        return f"{prefix}{blake2b(named.encode(), digest_size=16).hexdigest()}"
