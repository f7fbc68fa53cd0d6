"""How many tokens a core can do: answers as fast as they are taken, by ours and by others.

`python -m bench.throughput` prints Markdown and writes every figure to
`bench/results/throughput.json`. Progress goes to standard error.
"""

from __future__ import annotations

import sys

from bench.kit import catalog
from bench.kit.load import Load
from bench.kit.report import AROUND, Row, compared, percentiles, plain
from bench.kit.scenario import Scenario, run

LOADS = (
    Load("50 unpaced", streams=50, runs=1, tokens=200),
    Load("200 unpaced", streams=200, runs=1, tokens=200),
)
QUICK = (Load("4 unpaced", streams=4, runs=2, tokens=30),)
VARIANTS = (
    catalog.FASTAPI,
    catalog.AIOHTTP,
    catalog.OURS,
    catalog.EVERYSEC,
    catalog.SOCKET,
    catalog.RELAY,
    catalog.NOBODY,
    catalog.FASTAPI_RESPONSES,
    catalog.OURS_RESPONSES,
    catalog.NOBODY_RESPONSES,
)
ROWS = (
    Row("tokens per second", compared("tokens_per_second")),
    Row("server's CPU, µs per token", compared("server_us", ",.1f")),
    Row("store's CPU, µs per token", plain("store_us", ",.1f")),
    Row("whole answer, ms: p50, p99", percentiles("whole")),
    Row("frames per token", plain("frames_per_token", ".2f")),
    *AROUND,
)
SCENARIO = Scenario("throughput", VARIANTS, LOADS, QUICK, ROWS)

if __name__ == "__main__":
    sys.exit(run(SCENARIO, __doc__))
