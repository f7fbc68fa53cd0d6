"""What memory a server needs: for who waits, for an answer on its way, and over an hour's runs.

`python -m bench.footprint` prints Markdown and writes every figure to
`bench/results/footprint.json`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from statistics import linear_regression

from bench.kit import catalog
from bench.kit.connections import run_id
from bench.kit.load import Load, connected, drive
from bench.kit.measure import Cores, memory_kb, quiet
from bench.kit.report import Fact, publish_facts
from bench.kit.rounds import Figures, standing
from bench.kit.scenario import measure
from bench.kit.servers import Running, Variant
from bench.kit.wires import OURS, OURS_SOCKET, get, post

_SILENCE = {"TIMEOUT_SECONDS": "300"}  # a model may take its time to the first token
OURS_PATIENT = replace(catalog.OURS, settings=_SILENCE)
FACTS = (
    Fact("resident memory after a warm-up, MB", "begin_mb", ".1f"),
    Fact("an open, idle WebSocket, KB", "socket_kb", ".1f"),
    Fact("a waiting SSE reader, KB", "reader_kb", ".1f"),
    Fact("a streaming run, nobody reading, KB", "alone_kb", ".1f"),
    Fact("a streaming run and the client who reads it, KB", "run_kb", ".1f"),
    Fact("runs made", "runs", ",.0f"),
    Fact("seconds that they took", "seconds", ".0f"),
    Fact("resident memory after a third of them, MB", "third_mb", ".1f"),
    Fact("resident memory after all of them, MB", "end_mb", ".1f"),
    Fact("growth over the last two thirds, KB per 1,000 runs", "growth_kb", ".0f"),
)
Occupied = Callable[[Running, int], AbstractAsyncContextManager[None]]
"""Keeps so many of something at a server until its end."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenario."""
    results, about, where = measure("footprint", __doc__, _measure, arguments)
    publish_facts(results, about, where, FACTS)
    return 0


async def _measure(folder: Path, cores: Cores, quick: bool) -> dict[str, Figures]:  # noqa: FBT001 - as asked
    waiting, running, hour = (20, 10, 60) if quick else (1_000, 200, 3_600)
    ours: Figures = {}
    # Each in a server of its own: what one has freed, the next would fill unseen.
    for name, occupied, many in (
        ("socket_kb", _sockets, waiting),
        ("reader_kb", _readers, waiting),
        ("alone_kb", _alone, running),
        ("run_kb", _runs, running),
    ):
        ours[name] = await _each(OURS_PATIENT, folder / name, cores, occupied, many)
    stock = await _each(catalog.FASTAPI, folder / "fastapi", cores, _runs, running)
    ours |= await _grow(folder / "growth", cores, hour)
    return {"ours": ours, catalog.FASTAPI.name: {"run_kb": stock}}


async def _each(
    variant: Variant, folder: Path, cores: Cores, occupied: Occupied, many: int
) -> float:
    """Return by how much a server grows for each of something, in KB."""
    async with standing(variant, folder, cores) as server:
        await quiet(server.pid)
        before = memory_kb(server.pid)[0]
        async with occupied(server, many):
            return (memory_kb(server.pid)[0] - before) / many


@asynccontextmanager
async def _sockets(server: Running, many: int) -> AsyncIterator[None]:
    async with connected(server.host, server.port, many, OURS_SOCKET):
        await quiet(server.pid)
        yield


@asynccontextmanager
async def _readers(server: Running, many: int) -> AsyncIterator[None]:
    """Have a run whose model is silent followed by many."""
    async with connected(server.host, server.port, many + 1, OURS) as [asker, *others]:
        asker.begin(OURS.request("tokens=1 pace=0 after=60", None))
        followed = run_id(await asker.began())
        for connection in others:
            connection.begin(get(f"/runs/{followed}/events"))
        for connection in others:
            await connection.began()
        await quiet(server.pid)
        yield


@asynccontextmanager
async def _runs(server: Running, many: int) -> AsyncIterator[None]:
    """Have many answers on their way, each read by who asked, ten tokens a second."""
    wire = server.variant.wire
    async with connected(server.host, server.port, many, wire) as connections:
        for number, connection in enumerate(connections):
            connection.begin(wire.request(_slowly(number), None))
            await asyncio.sleep(0.005)
        for connection in connections:
            await connection.began()
        await asyncio.sleep(5)
        yield


@asynccontextmanager
async def _alone(server: Running, many: int) -> AsyncIterator[None]:
    """Have as many on their way in the background: nobody reads them."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    for number in range(many):
        writer.write(post("/chat", {"message": _slowly(number), "background": True}))
        accepted = await reader.readuntil(b"}")
        if not accepted.startswith(b"HTTP/1.1 202"):
            raise ConnectionError(accepted.decode())
        await asyncio.sleep(0.005)
    await asyncio.sleep(5)
    yield
    writer.close()


def _slowly(number: int) -> str:
    """Return what asks for ten tokens a second, for 20 seconds."""
    return f"tokens=200 pace=0.1 after={number % 10 / 100}"


async def _grow(folder: Path, cores: Cores, hour: int) -> Figures:
    """Make an hour's runs as fast as they go, and look at the memory all along."""
    async with standing(catalog.OURS, folder, cores) as server:
        begin, begun = memory_kb(server.pid)[0], time.monotonic()
        samples: list[tuple[int, int]] = []
        while (made := len(samples) * hour // 60) < hour:
            load = Load("an hour", streams=min(10, hour // 60), runs=max(1, hour // 600), tokens=20)
            await drive(server.host, server.port, load, OURS)
            samples.append((made + hour // 60, memory_kb(server.pid)[0]))
        seconds = time.monotonic() - begun
    later = samples[len(samples) // 3 :]
    slope, _ = linear_regression([runs for runs, _ in later], [kb for _, kb in later])
    return {
        "begin_mb": begin / 1024,
        "runs": hour,
        "seconds": seconds,
        "third_mb": later[0][1] / 1024,
        "end_mb": later[-1][1] / 1024,
        "growth_kb": slope * 1000,
    }


if __name__ == "__main__":
    sys.exit(main())
