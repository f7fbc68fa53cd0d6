"""How soon a server serves: from its start to its first answer, and what its imports take of that.

`python -m bench.starting` prints Markdown and writes every figure to
`bench/results/starting.json`.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
import time
from asyncio.subprocess import PIPE
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.kit.measure import Cores, cpu_seconds
from bench.kit.report import Fact, line, publish_facts
from bench.kit.rounds import Figures
from bench.kit.scenario import measure
from bench.kit.servers import ROOT

_COMMAND = ("-m", "assistant", "--env-file", os.devnull, "serve")
_HEALTH = b"GET /health HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"
_IMPORT = re.compile(r"import time: +(\d+) \| +\d+ \| +([\w.]+)")
_PATIENCE = 60
FACTS = (
    Fact("starts", "starts", ".0f"),
    Fact("to its line on the terminal, s: median", "told_s", ".2f"),
    Fact("to the first 200 of /health, s: median", "healthy_s", ".2f"),
    Fact("the same: greatest", "healthy_most_s", ".2f"),
    Fact("the same on the data that this made: median", "again_s", ".2f"),
    Fact("CPU that it took, s: median", "cpu_s", ".2f"),
    Fact("imports alone, s (measuring them slows them)", "imports_s", ".2f"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenario."""
    found, about, where = measure("starting", __doc__, _measure, arguments)
    packages = {
        name.removeprefix("import "): seconds
        for name, seconds in found["ours"].items()
        if name.startswith("import ")
    }
    publish_facts(found, about, where, FACTS)
    rows = [line([name, f"{seconds * 1000:,.0f}"]) for name, seconds in packages.items()]
    heads = [line(["imports of", "ms"]), line(["---", "---:"])]
    sys.stdout.write("\n".join(["", *heads, *rows, ""]))
    return 0


async def _measure(folder: Path, cores: Cores, quick: bool) -> dict[str, Figures]:  # noqa: FBT001 - as asked
    folders = [folder / str(number) for number in range(1 if quick else 7)]
    starts = [await _start(data, cores) for data in folders]
    again = [await _start(data, cores) for data in folders]
    imports = await _imports(folder / "imports")
    healthy = [one["healthy_s"] for one in starts]
    found: Figures = {
        "starts": float(len(starts)),
        **{name: median(one[name] for one in starts) for name in ("told_s", "healthy_s", "cpu_s")},
        "healthy_most_s": max(healthy),
        "again_s": median(one["healthy_s"] for one in again),
        "imports_s": sum(took for _, took in imports),
    }
    return {"ours": found | {f"import {name}": took for name, took in imports[:20]}}


async def _start(data: Path, cores: Cores) -> Figures:
    """Start a server on a folder, with the embedded store; returns what passed until when."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    begun = time.monotonic()
    process = await _exec(data, port)
    os.sched_setaffinity(process.pid, cores[0] | cores[1])
    try:
        async with asyncio.timeout(_PATIENCE), asyncio.TaskGroup() as group:
            told = group.create_task(_told(process, begun))
            healthy = group.create_task(_healthy(port, begun))
        return {
            "told_s": told.result(),
            "healthy_s": healthy.result(),
            "cpu_s": cpu_seconds(process.pid),
        }
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def _exec(data: Path, port: int, *flags: str) -> asyncio.subprocess.Process:
    env = {"PATH": os.defpath, "LANG": "C.UTF-8", "DATA_DIR": str(data), "PORT": str(port)}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, *flags, *_COMMAND), cwd=ROOT, env=env, stdout=PIPE, stderr=PIPE
    )


async def _told(process: asyncio.subprocess.Process, begun: float) -> float:
    assert process.stdout is not None
    while b"http://" not in (said := await process.stdout.readline()):
        if not said:
            why = (await process.stderr.read()).decode() if process.stderr else ""
            raise RuntimeError(f"the server ended before it served:\n{why[-1000:]}")
    return time.monotonic() - begun


async def _healthy(port: int, begun: float) -> float:
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(_HEALTH)
            answer = await reader.readline()
            writer.close()
        except OSError:
            answer = b""
        if b" 200 " in answer:
            return time.monotonic() - begun
        await asyncio.sleep(0.002)


async def _imports(data: Path) -> list[tuple[str, float]]:
    """Return how many seconds the modules of each package took to be imported, most first."""
    process = await _exec(data, 0, "-X", "importtime")
    assert process.stdout is not None
    reading = asyncio.create_task(process.stderr.read()) if process.stderr else None
    await _told(process, time.monotonic())
    process.terminate()
    said = (await reading).decode() if reading else ""
    await process.wait()
    packages: dict[str, float] = defaultdict(float)
    for took, module in _IMPORT.findall(said):
        packages[_package(module)] += int(took) / 1e6
    return sorted(packages.items(), key=lambda one: one[1], reverse=True)


def _package(module: str) -> str:
    """Return what a module belongs to: a package, or a part of ours."""
    first, _, rest = module.partition(".")
    return f"{first}.{rest.partition('.')[0]}" if first == "assistant" and rest else first


if __name__ == "__main__":
    sys.exit(main())
