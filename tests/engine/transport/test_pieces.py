"""However the bytes of a stream are cut, our transport makes the same of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.transport.observing import Ear, Observer, observing
from tests.engine.transport.plain import Told
from tests.engine.transport.transcript import Transcript, load, themes

# The most cuts: each of them is a turn of the loop.
_CUTS = 12
_LONGEST = 20_000


def _streams() -> list[Transcript]:
    """Return what begins with a stream that the server ends by itself."""
    known = [transcript for theme in themes() for transcript in load(theme)]
    return [
        one
        for one in known
        if (first := one.answers[0]).status == 200
        and first.head == "whole"
        and first.ends == "in order"
        and 2 <= sum(map(len, first.body)) <= _LONGEST
    ]


_STREAMS = _streams()


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """Return a loop for all examples, as a client lives on one only."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def observer(runner: asyncio.Runner) -> Iterator[Observer]:
    """Return who plays transcripts to our transport."""
    opened = observing("direct", _STREAMS)
    yield runner.run(opened.__aenter__())
    runner.run(opened.__aexit__(None, None, None))


def _cut(transcript: Transcript, cuts: Sequence[int]) -> Transcript:
    """Return the transcript with its first answer's body in these pieces."""
    answer = transcript.answers[0]
    whole = b"".join(answer.body)
    edges = sorted({0, len(whole), *(cut % len(whole) for cut in cuts)})
    body = tuple(whole[start:end] for start, end in pairwise(edges))
    return replace(transcript, answers=(replace(answer, body=body, torn=0),))


async def _heard(observer: Observer, transcript: Transcript) -> tuple[Told, ...]:
    return (
        await observer.hear(transcript),
        await observer.hear(transcript, Ear()),
        await observer.hear_words(transcript),
    )


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    transcript=st.sampled_from(_STREAMS),
    cuts=st.lists(st.integers(0, _LONGEST), min_size=1, max_size=_CUTS),
)
def test_any_pieces_give_the_same_as_one(
    runner: asyncio.Runner, observer: Observer, transcript: Transcript, cuts: list[int]
) -> None:
    whole = runner.run(_heard(observer, _cut(transcript, [])))
    assert runner.run(_heard(observer, _cut(transcript, cuts))) == whole
