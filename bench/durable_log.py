"""What the durable log costs: our server beside the same server without persistence.

`python -m bench.durable_log` prints Markdown and writes every figure to
`bench/results/durable_log.json`. Progress goes to standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

from assistant.store.embedded import find_binary
from bench.load import Load
from bench.measure import fsync_ms, machine, split_cores
from bench.report import compare_all, publish
from bench.rounds import Results, compare
from bench.servers import ROOT, Variant, redis_program

_RESULT = ROOT / "bench" / "results" / "durable_log.json"

LOADS = (
    Load("1 unpaced", streams=1, runs=10, tokens=200),
    Load("20 unpaced", streams=20, runs=1, tokens=200),
    Load("100 unpaced", streams=100, runs=1, tokens=100),
    Load("10 paced", streams=10, runs=1, tokens=200, pace=0.02, spread=0.2),
    Load("100 paced", streams=100, runs=1, tokens=100, pace=0.02, spread=0.2),
)
QUICK = (
    Load("4 unpaced", streams=4, runs=2, tokens=30),
    Load("4 paced", streams=4, runs=1, tokens=30, pace=0.002, spread=0.01),
)


def variants() -> dict[str, Variant]:
    """Return the servers to compare, by name; the first one is the measure of the others."""
    redis = redis_program()
    found = (
        Variant("memory", "memory only", command=("-m", "bench.memory")),
        Variant("always", "embedded, fsync always", settings=_fsync("always"), embedded=True),
        Variant("everysec", "embedded, everysec", settings=_fsync("everysec"), embedded=True),
        Variant("tcp", f"{Path(redis).stem} over TCP, everysec", redis=redis),
    )
    return {variant.name: variant for variant in found}


def _fsync(how: str) -> dict[str, str]:
    return {"STORE_FSYNC": how}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison and print it."""
    known, cores, here = variants(), split_cores(), machine()
    options = _parser(known).parse_args(arguments)
    chosen = [known[name] for name in options.variants.split(",")]
    with tempfile.TemporaryDirectory(prefix="bench-", dir=_disk()) as folder:
        disk = fsync_ms(Path(folder))
        begun = time.monotonic()
        loads = QUICK if options.quick else LOADS
        rounds = 1 if options.quick else options.rounds
        results = asyncio.run(compare(chosen, loads, rounds, Path(folder), cores))
    about = {
        "machine": here,
        "cores": f"server on {_list(cores[0])}; its store, model and load on {_list(cores[1])}",
        "disk": f"a small write with fdatasync takes {disk[0]:.2f} ms, p99 {disk[1]:.2f} ms",
        "versions": _versions(),
        "others on this machine": _others(results),
        "rounds": f"{rounds} in {time.monotonic() - begun:.0f} s",
    }
    publish(results, about, options.json, compare_all)
    return 0


def _parser(known: dict[str, Variant]) -> argparse.ArgumentParser:
    names = ",".join(known)
    parser = argparse.ArgumentParser(prog="python -m bench.durable_log", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often all is repeated")
    parser.add_argument("--variants", default=names, help=f"which, the measure first ({names})")
    parser.add_argument("--json", type=Path, default=_RESULT, help="where every figure goes")
    parser.add_argument("--quick", action="store_true", help="one short round: does it work?")
    return parser


def _disk() -> Path:
    """Return where a server would keep its data: in many places, /tmp is no disk at all."""
    folder = ROOT / "var"
    folder.mkdir(exist_ok=True)
    return folder


def _others(results: Results) -> str:
    figures = [one for rows in results.figures.values() for one in rows]
    share = median(one["strangers_share"] for one in figures)
    loads = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"took {share:.0%} of the server's core (median); load at the end {loads}"


def _versions() -> str:
    lines = {
        subprocess.run((binary, "--version"), capture_output=True, text=True, check=True).stdout
        for binary in (find_binary(), redis_program())
    }
    stores = sorted(" ".join(line.split()[:3:2]) for line in lines)
    packages = [f"{name} {version(name)}" for name in ("aiohttp", "openai-agents", "redis")]
    return ", ".join([f"Python {platform.python_version()}", *packages, *stores])


def _list(cores: set[int]) -> str:
    return ", ".join(str(core) for core in sorted(cores))


def _load() -> str:
    return ", ".join(f"{value:.1f}" for value in os.getloadavg())


if __name__ == "__main__":
    sys.exit(main())
