"""Puts loads on servers, side by side and in turns, and turns what came into figures."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.kit.answers import Answer
from bench.kit.load import Load, drive
from bench.kit.measure import Cores, move, percentile
from bench.kit.servers import Running, Upstream, Variant, disk, serving, upstream
from bench.kit.witness import Disk, Heartbeat, counters, lateness, testimony

Figures = dict[str, float]


@dataclass(slots=True)
class Results:
    """What was measured: for each load and variant the figures of every round, in order.

    Where a server refused or hung up, a round has none. An answer that is wrong ends it all.
    """

    variants: Sequence[Variant]
    loads: Sequence[Load]
    figures: dict[tuple[str, str], list[Figures]] = field(default_factory=dict)

    def note(self, load: Load, variant: Variant, figures: Figures) -> None:
        """Add the figures of one more round."""
        self.figures.setdefault((load.name, variant.name), []).append(figures)


async def compare(
    variants: Sequence[Variant],
    loads: Sequence[Load],
    folder: Path,
    cores: Cores,
    *,
    rounds: int,
    seconds: float,
) -> Results:
    """Measure every variant under every load, `rounds` times, or as often as there is time for.

    All servers stand throughout. Each load goes to all of them one after the other, and only then
    the next load, the next round: what disturbs the machine for a while disturbs all alike.
    """
    results, begun = Results(variants, loads), time.monotonic()
    async with AsyncExitStack() as stack:
        model, servers = await start(variants, folder, cores, stack)
        for server in servers:
            await warm_up(server)
        for number in range(rounds):
            if number and (time.monotonic() - begun) * (number + 1) / number > seconds:
                sys.stderr.write(f"no time for round {number + 1}: there are {seconds:g} s\n")
                break
            # Nobody is always the first: who comes first finds another machine than who is last.
            turn = number % len(servers)
            for load in loads:
                for server in (*servers[turn:], *servers[:turn]):
                    figures = await _measured(server, load, model, cores)
                    results.note(load, server.variant, figures)
                    _tell(number, load, server, figures)
    return results


async def start(
    variants: Sequence[Variant],
    folder: Path,
    cores: Cores,
    stack: AsyncExitStack,
) -> tuple[Upstream, list[Running]]:
    """Start the model and all servers, each on its core."""
    model = await stack.enter_async_context(upstream(folder))
    async with asyncio.TaskGroup() as group:
        starting = [
            group.create_task(stack.enter_async_context(serving(variant, folder, model)))
            for variant in variants
        ]
    servers = [task.result() for task in starting]
    # The model itself, where it is measured with no server between, stays where it is.
    _place([server.pid for server in servers if server.variant.command], cores[0])
    stores = [server.store_pid for server in servers if server.store_pid is not None]
    _place([os.getpid(), model.pid, *stores], cores[1])
    return model, servers


@asynccontextmanager
async def standing(variant: Variant, folder: Path, cores: Cores) -> AsyncIterator[Running]:
    """Start the model and one server, which has answered a few questions when it is yielded."""
    async with AsyncExitStack() as stack:
        _, [server] = await start([variant], folder, cores, stack)
        await warm_up(server)
        yield server


async def warm_up(server: Running) -> None:
    """Ask a few questions, so that what is made once is there."""
    load = Load("warm-up", streams=8, runs=2, tokens=50)
    await drive(server.host, server.port, load, server.variant.wire)


def _place(pids: Sequence[int], cores: set[int]) -> None:
    for pid in pids:
        move(pid, cores)


async def _measured(server: Running, load: Load, model: Upstream, cores: Cores) -> Figures:
    """Return the figures of a round; none where the server did not stand it."""
    try:
        return await _measure(server, load, model, cores)
    except* (ConnectionError, TimeoutError) as failed:
        sys.stderr.write(f"{server.variant.name}: {failed.exceptions[0]}\n")
    return {}


async def _measure(server: Running, load: Load, model: Upstream, cores: Cores) -> Figures:
    pids = {"server": server.pid, "upstream": model.pid, "generator": os.getpid()}
    pids |= {"store": server.store_pid} if server.store_pid else {}
    gc.collect()  # now, as none comes while a load runs
    before = counters(pids, cores)
    with Heartbeat() as heart, Disk(disk()) as written:
        recordings = await drive(server.host, server.port, load, server.variant.wire)
    after = counters(pids, cores)
    answers = [server.variant.wire.read(recording, load.tokens) for recording in recordings]
    used = {name: after[f"{name}_cpu"] - before[f"{name}_cpu"] for name in pids}
    span, store = _span(answers), used.setdefault("store", 0.0)
    return {
        **{f"{name}_us": one * 1e6 / load.total for name, one in used.items()},
        **testimony(before, after, (heart, written), lateness(answers, load.pace)),
        **_latencies(answers),
        "run_us": used["server"] * 1e6 / len(answers),
        "store_run_us": store * 1e6 / len(answers),
        "lag_p99_ms": percentile([answer.lag for answer in answers], 99) * 1000,
        "tokens": load.total,
        "answers": len(answers),
        "tokens_per_second": load.total / span,
        "runs_per_second": len(answers) / span,
        "frames_per_token": sum(answer.frames for answer in answers) / load.total,
    }


def _span(answers: Sequence[Answer]) -> float:
    return max(answer.span[1] for answer in answers) - min(answer.span[0] for answer in answers)


def _latencies(answers: Sequence[Answer]) -> Figures:
    values = {
        "first": [answer.first for answer in answers],
        "whole": [answer.whole for answer in answers],
        "delay": [delay for answer in answers for delay in answer.delays],
    }
    return {
        f"{name}_p{p}_ms": percentile(found, p) * 1000
        for name, found in values.items()
        for p in (50, 99)
    }


def _tell(number: int, load: Load, server: Running, figures: Figures) -> None:
    told = (
        f"{figures['server_us']:7.0f} µs/token{figures['tokens_per_second']:8.0f} tokens/s"
        if figures
        else "  failed"
    )
    sys.stderr.write(f"round {number + 1}  {load.name:20}{server.variant.name:20}{told}\n")
