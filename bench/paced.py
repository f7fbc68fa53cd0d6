"""Whether answers keep their pace: a token every 20 ms on many streams, as from real models.

`python -m bench.paced` prints Markdown and writes every figure to `bench/results/paced.json`.
Progress goes to standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from bench.kit import catalog
from bench.kit.load import Load
from bench.kit.report import Row, compared, percentiles, plain
from bench.kit.scenario import Scenario, among, run

# The streams begin one after the other, as users do, and are open together at the end.
LOADS = (
    Load("100 paced", streams=100, runs=1, tokens=250, pace=0.02, spread=4.0),
    Load("400 paced", streams=400, runs=1, tokens=250, pace=0.02, spread=4.0),
)
QUICK = (Load("4 paced", streams=4, runs=1, tokens=30, pace=0.002, spread=0.01),)
VARIANTS = (
    catalog.FASTAPI,
    catalog.OURS,
    catalog.EVERYSEC,
    catalog.SOCKET,
    catalog.RELAY,
)
ROWS = (
    Row("server's CPU, µs per token", compared("server_us", ",.1f")),
    Row("store's CPU, µs per token", plain("store_us", ",.1f")),
    Row("added to a token, ms: p50, p99", percentiles("delay")),
    Row("first token, ms: p50, p99", percentiles("first")),
    Row("behind its pace at the end, ms: p99 of streams", plain("lag_p99_ms", ".1f")),
    Row("tokens per second", compared("tokens_per_second")),
    Row("frames per token", plain("frames_per_token", ".2f")),
    Row("server's core busy with it", plain("server_share", ".0%")),
    Row("model's CPU, µs per token", plain("upstream_us", ",.1f")),
    Row("load generator's CPU, µs per token", plain("generator_us", ",.1f")),
)
SCENARIO = Scenario(
    "paced",
    {variant.name: variant.title for variant in VARIANTS},
    LOADS,
    QUICK,
    ROWS,
    among(VARIANTS),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenario."""
    return run(SCENARIO, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
