"""What every process does now and then, each in its own time."""

from __future__ import annotations

import asyncio

import pytest

from assistant.web.keys import PARTS
from tests.conftest import MakeServer


async def test_a_slow_round_keeps_nobody_from_renewing(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = (await make_server(LEASE_RENEW_SECONDS=0.05)).app[PARTS]
    renew, is_stuck, renewed = parts.worker.renew, asyncio.Event(), asyncio.Semaphore(0)

    async def report_slowly(_busy: object) -> None:
        is_stuck.set()
        await asyncio.Event().wait()

    async def renew_and_count() -> None:
        await renew()
        if is_stuck.is_set():
            renewed.release()

    monkeypatch.setattr(parts.store.leases, "report", report_slowly)
    monkeypatch.setattr(parts.worker, "renew", renew_and_count)
    async with asyncio.timeout(5):
        for _ in range(3):
            await renewed.acquire()
