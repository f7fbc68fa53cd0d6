"""Takes a recorded response apart: HTTP's chunks, and the frames of an event stream in them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from bench.kit.connections import Recording


class WrongAnswerError(Exception):
    """An answer is not what it must be; says where."""


def frames(recording: Recording) -> Iterator[tuple[int, bytes]]:
    """Yield each frame of a chunked event stream with the time at which it was whole.

    Raises:
        WrongAnswerError: when a byte is missing, or one is left over.
    """
    rest = b""
    for when, data in _chunks(recording):
        *whole, rest = (rest + data).split(b"\n\n")
        for frame in whole:
            if not frame.startswith(b":"):
                yield when, frame
    if rest:
        raise WrongAnswerError(f"{len(rest)} bytes are left over")


def _chunks(recording: Recording) -> Iterator[tuple[int, bytes]]:
    """Yield the data of each chunk, and when its last byte came."""
    raw = b"".join(piece for _, piece in recording.pieces)
    ends = list(accumulate(len(piece) for _, piece in recording.pieces))
    at = raw.find(b"\r\n\r\n") + 4
    while True:
        line = raw.find(b"\r\n", at)
        if line < 0:
            raise WrongAnswerError("the response is not whole")
        size, begin = int(raw[at:line], 16), line + 2
        if raw[begin + size : begin + size + 2] != b"\r\n":
            raise WrongAnswerError("a chunk is longer than it says")
        at = begin + size + 2
        if not size:
            break
        when, _ = recording.pieces[bisect_left(ends, begin + size)]
        yield when, raw[begin : begin + size]
    if at != len(raw):
        raise WrongAnswerError(f"{len(raw) - at} bytes are left over")
