"""What traces cost: our server without them beside the same with a collector, a good or a bad one.

`python -m bench.telemetry` prints Markdown and writes every figure to
`bench/results/telemetry.json`. Progress goes to standard error.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from bench.kit import catalog
from bench.kit.load import Load
from bench.kit.measure import Cores, move
from bench.kit.report import Row, compared
from bench.kit.scenario import Scenario, run
from bench.kit.servers import Variant, program

_COLLECTORS = {"live", "hang", "drip"}

LOADS = (
    Load("short", streams=10, runs=12, tokens=10),
    Load("unpaced", streams=20, runs=2, tokens=200),
    Load("paced", streams=10, runs=1, tokens=150, pace=0.02, spread=0.2),
)
QUICK = (Load("short", streams=4, runs=2, tokens=10),)
ROWS = (
    Row("server's CPU, µs per token", compared("server_us")),
    Row("server's CPU, µs per run", compared("run_us")),
    Row("tokens per second", compared("tokens_per_second")),
    Row("first token, ms, p50", compared("first_p50_ms")),
    Row("first token, ms, p99", compared("first_p99_ms")),
    Row("whole answer, ms, p50", compared("whole_p50_ms")),
)
TITLES = {
    "off": "tracing off",
    "again": "off, a second server",
    "live": "a live collector",
    "refused": "collector down",
    "hang": "collector hangs",
    "drip": "a byte a second",
}
"""The servers to compare; the first one is the measure of the others."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenario."""
    ports = {name: _free_port() for name in ("refused", *_COLLECTORS)}
    variants = [_variant(name, ports.get(name)) for name in TITLES]
    scenario = Scenario("telemetry", variants, LOADS, QUICK, ROWS, partial(_collecting, ports))
    return run(scenario, __doc__, arguments)


@asynccontextmanager
async def _collecting(
    ports: Mapping[str, int], names: Sequence[str], folder: Path, cores: Cores
) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for kind in _COLLECTORS & set(names):
            command = ("-m", "bench.kit.collectors", kind, str(ports[kind]))
            process, _ = await stack.enter_async_context(program(command, folder / f"{kind}.log"))
            move(process.pid, cores[1])
        yield


def _variant(name: str, port: int | None) -> Variant:
    settings = dict(catalog.LATER)
    if port is not None:
        settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{port}"
    return Variant(name, TITLES[name], settings=settings, embedded=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
