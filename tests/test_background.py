"""Work beside everything else: begun again after a crash, ended whatever it does."""

from __future__ import annotations

import asyncio

import pytest
from blockbuster import BlockBuster

from assistant import background
from assistant.background import running
from tests.conftest import may_block
from tests.loglines import written


async def test_a_crash_is_no_end(
    monkeypatch: pytest.MonkeyPatch, no_blocking_calls: BlockBuster
) -> None:
    monkeypatch.setattr(background, "_BREATH", 0)
    again, begun = asyncio.Event(), 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun == 1:
            detail = "the first time"
            raise RuntimeError(detail)
        again.set()
        await asyncio.Event().wait()

    # A traceback is read from disk.
    with may_block(no_blocking_calls), written() as log:
        async with running(work, "work"), asyncio.timeout(5):
            await again.wait()
    assert begun == 2
    assert [line["event"] for line in log.lines] == ["background.crashed"]


async def test_work_that_loses_a_cancellation_ends_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background, "_PATIENCE", 0.01)
    begun, lost = asyncio.Event(), 0

    async def work() -> None:
        nonlocal lost
        while lost < 2:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost += 1  # as a connection attempt on Python 3.11 may
        await asyncio.Event().wait()

    async with asyncio.timeout(5):
        async with running(work, "work"):
            await begun.wait()
    assert lost == 2
