"""Both transports make the same of every transcript: answer, run, log, faults, requests."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import get_args

import pytest

from tests.engine.transport.observing import Ear, Observer, observing
from tests.engine.transport.plain import Told
from tests.engine.transport.transcript import Protocol, Transcript, load, themes

_AT_ONCE = 8


async def _seen(transcripts: list[Transcript]) -> list[tuple[Told, Told]]:
    """Return what the stock transport makes of each transcript, and what ours does."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(stock: Observer, direct: Observer, transcript: Transcript) -> tuple[Told, Told]:
        async with turns:
            return await asyncio.gather(stock.see(transcript), direct.see(transcript))

    async with observing("sdk", transcripts) as stock, observing("direct", transcripts) as direct:
        return await asyncio.gather(*(one(stock, direct, each) for each in transcripts))


def _outcome(told: Told) -> tuple[str | None, int]:
    """Return the code of a run's fault, and how often the model was asked."""
    run = told["run"]
    return (run["error"]["fault"][0] if "error" in run else None), len(run["asked"])


@pytest.mark.parametrize("theme", themes())
async def test_both_transports_make_the_same_of_it(theme: str, subtests: pytest.Subtests) -> None:
    transcripts = load(theme)
    for transcript, (stock, direct) in zip(transcripts, await _seen(transcripts), strict=True):
        with subtests.test(transcript.name):
            # That both do the same wrong thing would show nothing.
            assert _outcome(direct) == (transcript.fails, transcript.asks)
            assert transcript.gives in {None, direct["run"]["text"]}
            assert all(told["asked"] for told in (*stock.values(), *direct.values()))
            if transcript.apart:
                assert _outcome(stock)[0] == transcript.apart
                continue
            for what, told in stock.items():
                assert direct[what] == told, what


@pytest.mark.parametrize("theme", ["chat_text", "responses_text"])
async def test_text_after_the_first_takes_the_short_way(theme: str) -> None:
    words, ear = load(theme)[0], Ear()
    async with observing("direct", [words]) as direct:
        await direct.hear(words, ear)
    assert "".join(ear.short) == " there."
    assert "".join(text for _, _, text in ear.said) == words.gives == "Hello there."


def test_there_are_transcripts_of_both_protocols() -> None:
    counts = Counter(transcript.protocol for theme in themes() for transcript in load(theme))
    assert min(counts[protocol] for protocol in get_args(Protocol)) >= 60
