"""Where the server's time goes, by layer, under each kind of load.

`python -m bench.profile` prints Markdown and writes every figure to `bench/results/profile.json`.
It uses py-spy where that is on the PATH, else cProfile, which counts the start too and slows much.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench import paced, short, throughput
from bench.kit import catalog
from bench.kit.layers import by_function, by_layer
from bench.kit.load import Load, drive
from bench.kit.measure import Cores, cpu_seconds
from bench.kit.profilers import profiled
from bench.kit.report import line, save
from bench.kit.rounds import Figures
from bench.kit.scenario import measure
from bench.kit.servers import Running

LOADS = (throughput.LOADS[0], paced.LOADS[0], short.LOADS[1])
_SECONDS = 8
_FUNCTIONS = 12


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenario."""
    found, about, where = measure("profile", __doc__, _measure, arguments)
    save([{"load": load, "figures": figures} for load, figures in found.items()], about, where)
    lines = [f"- {name}: {value}" for name, value in about.items()]
    for load, figures in found.items():
        per = figures.pop("µs")
        lines += ["", f"### {load}: {per:,.0f} µs per token", ""]
        for kind, heads in (("layer", ["layer"]), ("function", ["function", "layer"])):
            lines += [line([*heads, "share", "µs"]), line(["---"] * len(heads) + ["---:"] * 2)]
            rows = {name[len(kind) :]: v for name, v in figures.items() if name.startswith(kind)}
            lines += [
                line([name.strip(), f"{v:.0%}", f"{v * per:,.1f}"]) for name, v in rows.items()
            ]
            lines.append("")
    sys.stdout.write("\n".join(lines))
    return 0


async def _measure(folder: Path, cores: Cores, quick: bool) -> dict[str, Figures]:  # noqa: FBT001 - as asked
    found: dict[str, Figures] = {}
    for load in throughput.QUICK if quick else LOADS:
        place = folder / load.name
        place.mkdir()
        found[load.name] = await _watch(place, cores, load, 1 if quick else _SECONDS)
    return found


async def _watch(folder: Path, cores: Cores, load: Load, seconds: float) -> Figures:
    """Return the share of each layer, and of the busiest functions, under a load."""

    async def work(server: Running) -> float:
        end, before, tokens = time.monotonic() + seconds, cpu_seconds(server.pid), 0
        while time.monotonic() < end:
            await drive(server.host, server.port, load, server.variant.wire)
            tokens += load.total
        return (cpu_seconds(server.pid) - before) * 1e6 / tokens

    cost, stacks = await profiled(catalog.OURS, folder, cores, work)
    layers, functions, seen = by_layer(stacks), by_function(stacks), max(stacks.total(), 1)
    return {
        "µs": cost,
        **{f"layer {name}": count / seen for name, count in layers.most_common()},
        **{f"function {name}": count / seen for name, count in functions.most_common(_FUNCTIONS)},
    }


if __name__ == "__main__":
    sys.exit(main())
