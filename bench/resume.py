"""Coming back: how soon a long log goes on from its middle, and what many readers of one run cost.

`python -m bench.resume` prints Markdown and writes every figure to `bench/results/resume.json`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.kit import catalog
from bench.kit.answers import Answer
from bench.kit.connections import Connection, Recording, run_id
from bench.kit.frames import WrongAnswerError, frames
from bench.kit.load import connected
from bench.kit.measure import Cores, cpu_seconds, percentile
from bench.kit.report import Fact, publish_facts
from bench.kit.rounds import Figures, standing
from bench.kit.scenario import measure
from bench.kit.servers import Running
from bench.kit.wires import OURS, get, read_ours

_MANY = 1_000
_COMING = 1 / 250  # seconds that a reader may take to come
FACTS = (
    Fact("entries of the log", "entries", ",.0f"),
    Fact("resume from its middle, first byte, ms: p50", "first_p50_ms", ".1f"),
    Fact("the same: p99", "first_p99_ms", ".1f"),
    Fact("all that was left of it, ms: p50", "whole_p50_ms", ".0f"),
    Fact("readers of one run", "readers", ",.0f"),
    Fact("server's CPU with one reader, µs per token", "one_us", ",.0f"),
    Fact("server's CPU with all readers, µs per token", "all_us", ",.0f"),
    Fact("server's CPU, µs per further reader and token", "each_us", ".1f"),
    Fact("added to a token with all readers, ms: p50", "delay_p50_ms", ".0f"),
    Fact("the same: p99", "delay_p99_ms", ".0f"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenario."""
    results, about, where = measure("resume", __doc__, _measure, arguments)
    publish_facts(results, about, where, FACTS)
    return 0


async def _measure(folder: Path, cores: Cores, quick: bool) -> dict[str, Figures]:  # noqa: FBT001 - as asked
    async with standing(catalog.OURS, folder, cores) as server:
        log = await _long_log(server, 300 if quick else 12_000)
        resumed = await _resume(server, log, 5 if quick else 200)
        readers, tokens = (5, 5) if quick else (_MANY, 80)
        one, _ = await _read(server, 1, tokens)
        many, answers = await _read(server, readers, tokens)
    delays = [delay for answer in answers for delay in answer.delays]
    read = {
        "readers": readers,
        "one_us": one * 1e6 / tokens,
        "all_us": many * 1e6 / tokens,
        "each_us": (many - one) * 1e6 / (readers - 1) / tokens,
        **{f"delay_p{p}_ms": percentile(delays, p) * 1000 for p in (50, 99)},
    }
    return {"ours": resumed | read}


async def _long_log(server: Running, tokens: int) -> tuple[str, list[bytes]]:
    """Make a run whose every token is an entry; returns its number, and all its frames."""
    async with connected(server.host, server.port, 1, OURS) as [connection]:
        asked = OURS.request(f"tokens={tokens} pace=0.002", None)
        recording = await connection.ask(asked)
        read_ours(recording, tokens)
        return run_id(recording), [frame for _, frame in frames(recording)]


async def _resume(server: Running, log: tuple[str, list[bytes]], times: int) -> Figures:
    """Come back in the middle of a log, again and again."""
    followed, told = log
    middle, first, whole = len(told) // 2, [], []
    async with connected(server.host, server.port, 1, OURS) as [connection]:
        for _ in range(times):
            again = await connection.ask(get(f"/runs/{followed}/events?after={middle - 1}"))
            if [frame for _, frame in frames(again)] != told[middle:]:
                raise WrongAnswerError("a resumed log is not the one that was told")
            first.append((_first_byte(again) - again.begun) / 1e6)
            whole.append((again.pieces[-1][0] - again.begun) / 1e6)
    return {
        "entries": len(told),
        **{f"first_p{p}_ms": percentile(first, p) for p in (50, 99)},
        "whole_p50_ms": percentile(whole, 50),
    }


async def _read(server: Running, readers: int, tokens: int) -> tuple[float, list[Answer]]:
    """Have a run read by many; returns the CPU from the first token on, and what they read."""
    async with connected(server.host, server.port, readers + 1, OURS) as [asker, *others]:
        # All readers come before the first token, so that they are not what is measured.
        silence = 1 + readers * _COMING
        asker.begin(OURS.request(f"tokens={tokens} pace=0.1 after={silence:.1f}", None))
        followed = run_id(await asker.began())
        recordings = await _follow(others, followed)
        before = cpu_seconds(server.pid)
        for connection in others:
            await connection.ended()
        used = cpu_seconds(server.pid) - before
    return used, [read_ours(recording, tokens) for recording in recordings]


async def _follow(connections: Sequence[Connection], followed: str) -> list[Recording]:
    """Have every connection follow a run; returns once each of them has its first frame."""
    for connection in connections:
        connection.begin(get(f"/runs/{followed}/events"))
    return [await connection.began() for connection in connections]


def _first_byte(recording: Recording) -> int:
    """Return when the first byte after the head came."""
    raw = b""
    for when, piece in recording.pieces:
        raw += piece
        _, end, body = raw.partition(b"\r\n\r\n")
        if end and body:
            return when
    raise WrongAnswerError("nothing came after the head")


if __name__ == "__main__":
    sys.exit(main())
