"""What a request asks the model to say: how many tokens, how fast, after how long."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from functools import lru_cache

_WISH = re.compile(rb"tokens=(\d+) pace=(\d+(?:\.\d+)?)(?: after=(\d+(?:\.\d+)?))?")
_BLANK = b"@" + b"#" * 14


@dataclass(frozen=True, slots=True)
class Wish:
    """What to say.

    Attributes:
        tokens: how many.
        pace: seconds from one to the next; 0 for as fast as they are taken.
        after: seconds of silence before the first.
    """

    tokens: int
    pace: float = 0.0
    after: float = 0.0

    @classmethod
    def of(cls, body: bytes) -> Wish | None:
        """Return the last wish in a request's body; what came before it is history."""
        found = _WISH.findall(body)
        if not found:
            return None
        tokens, pace, after = found[-1]
        return cls(int(tokens), float(pace), float(after or 0))


def stamp() -> bytes:
    """Return now, in microseconds of the clock that all processes of a machine share."""
    return b"@%014d" % (time.monotonic_ns() // 1_000)


def token(number: int) -> bytes:
    """Return a token that is yet to be stamped."""
    return b"%d%b " % (number, _BLANK)


def stamped(made: bytes, when: bytes) -> bytes:
    """Return bytes that were made beforehand, with the time in each of their tokens.

    A stamp is as long as its blank, so that lengths which were written down stay right.
    """
    return made.replace(_BLANK, when)


@lru_cache(maxsize=100_000)
def tokens(first: int, end: int) -> bytes:
    """Return the text of some tokens, yet to be stamped."""
    return b"".join(token(number) for number in range(first, end))


def chunk(data: bytes) -> bytes:
    """Return a piece of a chunked HTTP body."""
    return b"%x\r\n%b\r\n" % (len(data), data)
