"""Which requests a simulated error hits: decided by the seed and the id alone, so in every run or in none."""

from __future__ import annotations

from hashlib import blake2b


def luck(seed: int, custom_id: str) -> tuple[float, int]:
    """Give a number from 0 to 1 for a request, which fails if it is below the error rate; and how, from 0 to 255."""
    digest = blake2b(
        custom_id.encode("utf-8", "surrogatepass"), digest_size=9, key=str(seed).encode()
    ).digest()
    return int.from_bytes(digest[:8], "big") / 2.0**64, digest[8]
