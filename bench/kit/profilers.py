"""Looks into a server at work: stacks with their weights, from py-spy or else from cProfile."""

from __future__ import annotations

import asyncio
import pstats
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from bench.kit.measure import Cores
from bench.kit.rounds import standing
from bench.kit.servers import Running, Variant

Stacks = Counter[tuple[str, ...]]
"""How often each stack was seen; frames are `function (file:line)`, the outermost first."""
Work = Callable[[Running], Awaitable[float]]
"""Has a server work; returns what that cost."""

_RATE = 500  # samples a second


async def profiled(
    variant: Variant, folder: Path, cores: Cores, work: Work
) -> tuple[float, Stacks]:
    """Let a server work; returns what that costs unwatched, and what it was seen doing."""
    found = shutil.which("py-spy")
    if found:
        return await _sampled(found, variant, folder, cores, work)
    async with standing(variant, folder / "unwatched", cores) as server:
        cost = await work(server)
    return cost, await _traced(variant, folder / "watched", cores, work)


async def _sampled(
    py_spy: str, variant: Variant, folder: Path, cores: Cores, work: Work
) -> tuple[float, Stacks]:
    """Take samples of a server from outside; it stands still while one is taken."""
    seen = folder / "stacks.txt"
    async with standing(variant, folder, cores) as server:
        cost = await work(server)
        watching = await asyncio.create_subprocess_exec(
            *(py_spy, "record", "--pid", str(server.pid), "--rate", str(_RATE)),
            *("--native", "--threads", "--full-filenames"),
            *("--format", "raw", "--output", str(seen)),
            stdout=DEVNULL,
            stderr=PIPE,
        )
        await work(server)
        watching.send_signal(2)
        _, said = await watching.communicate()
    if not seen.exists():
        message = f"py-spy wrote nothing; it may need to be run as root:\n{said.decode()[-500:]}"
        raise RuntimeError(message)
    stacks: Stacks = Counter()
    for line in seen.read_text(encoding="utf-8").splitlines():
        frames, _, count = line.rpartition(" ")
        thread, *stack = frames.split(";")
        # Other threads wait, and so does the main one in the end: that is no work.
        if "MainThread" in thread and not stack[-1].startswith("epoll_"):
            stacks[tuple(stack)] += int(count)
    return cost, stacks


async def _traced(variant: Variant, folder: Path, cores: Cores, work: Work) -> Stacks:
    """Have a server count its own calls, which slows it, and small functions most of all."""
    seen = folder / "calls.prof"
    command = ("-m", "cProfile", "-o", str(seen), *variant.command)
    async with standing(replace(variant, command=command), folder, cores) as server:
        await work(server)
    stacks: Stacks = Counter()
    calls = pstats.Stats(str(seen)).stats  # type: ignore[attr-defined]
    for (file, line, function), (_, _, own, _, callers) in calls.items():
        if file != "~":
            stacks[(f"{function} ({file}:{line})",)] += int(own * 1e6)
            continue
        # What C did is told as its callers', and as its own.
        for (outer, at, name), (_, _, share, _) in callers.items():
            stacks[(f"{name} ({outer}:{at})", f"{function} (C)")] += int(share * 1e6)
    return stacks
