"""Whether answers keep their pace: a token every 20 ms on many streams, as from real models.

`python -m bench.paced` prints Markdown and writes every figure to `bench/results/paced.json`.
Progress goes to standard error.
"""

from __future__ import annotations

import sys

from bench.kit import catalog
from bench.kit.load import Load
from bench.kit.report import AROUND, DELAYS, Row, compared, percentiles, plain
from bench.kit.scenario import Scenario, run

# The streams begin one after the other, as users do, and are open together at the end.
LOADS = (
    Load("100 paced", streams=100, runs=1, tokens=200, pace=0.02, spread=3.0),
    Load("400 paced", streams=400, runs=1, tokens=200, pace=0.02, spread=3.0),
)
QUICK = (Load("4 paced", streams=4, runs=1, tokens=30, pace=0.002, spread=0.01),)
VARIANTS = (catalog.FASTAPI, catalog.OURS, catalog.SOCKET, catalog.RELAY)
ROWS = (
    Row("server's CPU, µs per token", compared("server_us", ",.1f")),
    Row("store's CPU, µs per token", plain("store_us", ",.1f")),
    Row("added to a token, ms: p50, p99", percentiles("delay")),
    Row("first token, ms: p50, p99", percentiles("first")),
    Row("behind its pace at the end, ms: p99 of streams", plain("lag_p99_ms", ".1f")),
    Row("tokens per second", compared("tokens_per_second")),
    Row("frames per token", plain("frames_per_token", ".2f")),
    *AROUND,
    *DELAYS,
)
SCENARIO = Scenario("paced", VARIANTS, LOADS, QUICK, ROWS)

if __name__ == "__main__":
    sys.exit(run(SCENARIO, __doc__))
