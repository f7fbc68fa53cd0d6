"""What traces cost: our server without them beside the same with a collector, a good or a bad one.

`python -m bench.telemetry` prints Markdown and writes every figure to
`bench/results/telemetry.json`. Progress goes to standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from importlib.metadata import version
from pathlib import Path
from statistics import median

from bench.load import Load
from bench.measure import machine, move, split_cores
from bench.report import compared, publish, row
from bench.rounds import Results, compare
from bench.servers import ROOT, Variant, program

_RESULT = ROOT / "bench" / "results" / "telemetry.json"
_COLLECTORS = {"live", "hang", "drip"}

LOADS = (
    Load("short", streams=10, runs=12, tokens=10),
    Load("unpaced", streams=20, runs=2, tokens=200),
    Load("paced", streams=10, runs=1, tokens=150, pace=0.02, spread=0.2),
)
QUICK = (Load("short", streams=4, runs=2, tokens=10),)
ROWS = {
    "server's CPU, µs per token": "server_us",
    "tokens per second": "tokens_per_second",
    "first token, ms, p50": "first_p50_ms",
    "first token, ms, p99": "first_p99_ms",
    "whole answer, ms, p50": "whole_p50_ms",
}


TITLES = {
    "off": "tracing off",
    "again": "off, a second server",
    "live": "a live collector",
    "refused": "collector down",
    "hang": "collector hangs",
    "drip": "a byte a second",
}
"""The servers to compare; the first one is the measure of the others."""


def _variant(name: str, port: int | None) -> Variant:
    settings = {"STORE_FSYNC": "everysec"}
    if port is not None:
        settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{port}"
    return Variant(name, TITLES[name], settings=settings, embedded=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison and print it."""
    cores, here, options = split_cores(), machine(), _parser().parse_args(arguments)
    rounds = 1 if options.quick else options.rounds
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "var") as folder:
        loads = QUICK if options.quick else LOADS
        names = options.variants.split(",")
        results = asyncio.run(_compare(names, loads, rounds, Path(folder), cores))
    share = median(one["strangers_share"] for rows in results.figures.values() for one in rows)
    about = {
        "machine": here,
        "cores": f"server on {cores[0]}; its store, model, collector and load on {cores[1]}",
        "versions": f"Python {platform.python_version()}, opentelemetry-sdk "
        f"{version('opentelemetry-sdk')}, oteltap {version('oteltap')}",
        "others on this machine": f"took {share:.0%} of the server's core (median); load at the "
        f"end {os.getloadavg()[0]:.1f}",
        "rounds": f"{rounds} in {time.monotonic() - begun:.0f} s",
    }
    publish(results, about, options.json, _table)
    return 0


async def _compare(
    names: Sequence[str],
    loads: Sequence[Load],
    rounds: int,
    folder: Path,
    cores: tuple[set[int], set[int]],
) -> Results:
    ports = {"refused": _free_port()}
    async with AsyncExitStack() as stack:
        for kind in _COLLECTORS & set(names):
            ports[kind] = _free_port()
            command = ("-m", "bench.collectors", kind, str(ports[kind]))
            process, _ = await stack.enter_async_context(program(command, folder / f"{kind}.log"))
            move(process.pid, cores[1])
        variants = [_variant(name, ports.get(name)) for name in names]
        return await compare(variants, loads, rounds, folder, cores)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.telemetry", description=__doc__)
    names = ",".join(TITLES)
    parser.add_argument("--rounds", type=int, default=3, help="how often all is repeated")
    parser.add_argument("--variants", default=names, help=f"which, the measure first ({names})")
    parser.add_argument("--json", type=Path, default=_RESULT, help="where every figure goes")
    parser.add_argument("--quick", action="store_true", help="one short round: does it work?")
    return parser


def _table(results: Results, load: Load) -> list[str]:
    """Return the medians of all rounds, each with its ratio to the first variant."""
    first, *others = [results.figures[load.name, v.name] for v in results.variants]
    return [
        row(["", *(variant.title for variant in results.variants)]),
        row(["---", *["---:"] * len(results.variants)]),
        *(
            row([words, *(compared(column, first, name) for column in (first, *others))])
            for words, name in ROWS.items()
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
