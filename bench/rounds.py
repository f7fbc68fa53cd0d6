"""Puts loads on servers, side by side and in turns, and turns what came into figures."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.answers import Answer, chat_request, read_answer
from bench.load import Load, drive
from bench.measure import core_ticks, cpu_seconds, move, percentile
from bench.servers import Running, Variant, program, serving

Figures = dict[str, float]


@dataclass(slots=True)
class Results:
    """What was measured: for each load and variant the figures of every round, in order."""

    variants: Sequence[Variant]
    loads: Sequence[Load]
    figures: dict[tuple[str, str], list[Figures]] = field(default_factory=dict)

    def note(self, load: Load, variant: Variant, figures: Figures) -> None:
        """Add the figures of one more round."""
        self.figures.setdefault((load.name, variant.name), []).append(figures)


async def compare(
    variants: Sequence[Variant],
    loads: Sequence[Load],
    rounds: int,
    folder: Path,
    cores: tuple[set[int], set[int]],
) -> Results:
    """Measure every variant under every load, `rounds` times.

    All servers stand throughout. Each load goes to all of them one after the other, and only then
    the next load, the next round: what disturbs the machine for a while disturbs all alike.
    `cores` are those of the servers, and those of all that stands round them.
    """
    results = Results(variants, loads)
    async with AsyncExitStack() as stack:
        upstream, servers = await _start(variants, folder, stack)
        _place([server.pid for server in servers], cores[0])
        stores = [server.store_pid for server in servers if server.store_pid is not None]
        _place([os.getpid(), upstream, *stores], cores[1])
        for server in servers:
            await drive(server.host, server.port, Load("warm-up", 8, 2, 50), chat_request)
        for number in range(rounds):
            # Nobody is always the first: who comes first finds another machine than who is last.
            turn = number % len(servers)
            for load in loads:
                for server in (*servers[turn:], *servers[:turn]):
                    figures = await _measure(server, load, upstream, min(cores[0]))
                    results.note(load, server.variant, figures)
                    _tell(number, load, server, figures)
    return results


async def _start(
    variants: Sequence[Variant], folder: Path, stack: AsyncExitStack
) -> tuple[int, list[Running]]:
    upstream, url = await stack.enter_async_context(
        program(("-m", "bench.upstream"), folder / "upstream.log")
    )
    async with asyncio.TaskGroup() as group:
        starting = [
            group.create_task(stack.enter_async_context(serving(variant, folder, url)))
            for variant in variants
        ]
    return upstream.pid, [task.result() for task in starting]


def _place(pids: Sequence[int], cores: set[int]) -> None:
    for pid in pids:
        move(pid, cores)


async def _measure(server: Running, load: Load, upstream: int, core: int) -> Figures:
    pids = [server.pid, server.store_pid or 0, upstream, os.getpid()]
    cpu, (busy, ticks), begun = _cpu(pids), core_ticks(core), time.monotonic()
    recordings = await drive(server.host, server.port, load, chat_request)
    wall = time.monotonic() - begun
    used = [after - before for before, after in zip(cpu, _cpu(pids), strict=True)]
    busy, ticks = (
        after - before for before, after in zip((busy, ticks), core_ticks(core), strict=True)
    )
    answers = [read_answer(recording, load.tokens) for recording in recordings]
    names = ("server_us", "store_us", "upstream_us", "generator_us")
    return {
        **{name: one * 1e6 / load.total for name, one in zip(names, used, strict=True)},
        **_latencies(answers),
        "tokens_per_second": load.total / _span(answers),
        "frames_per_token": sum(answer.frames for answer in answers) / load.total,
        "server_share": used[0] / wall,
        "strangers_share": max(0.0, busy / max(ticks, 1) - used[0] / wall),
    }


def _cpu(pids: Sequence[int]) -> list[float]:
    return [cpu_seconds(pid) if pid else 0.0 for pid in pids]


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
    sys.stderr.write(
        f"round {number + 1}  {load.name:30}{server.variant.name:10}"
        f"{figures['server_us']:7.0f} µs/token{figures['tokens_per_second']:8.0f} tokens/s\n"
    )
