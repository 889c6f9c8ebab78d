"""Seeds of named random streams: a pure function of their keys, the same on every machine."""

import hashlib


def stream_seed(*keys: object) -> int:
    """A 63-bit seed for the stream named by `keys` (their `str`, in order)."""
    text = "\x1f".join(map(str, keys))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
