"""What a run costs, whatever it says: conversations of one-token answers, with their history.

`python -m bench.short` prints Markdown and writes every figure to `bench/results/short.json`.
Progress goes to standard error.
"""

from __future__ import annotations

import sys

from bench.kit import catalog
from bench.kit.load import Load
from bench.kit.report import AROUND, Row, compared, percentiles, plain
from bench.kit.scenario import Scenario, run

LOADS = (
    Load("1 at a time", streams=1, runs=40, tokens=1, session=True),
    Load("20 at a time", streams=20, runs=15, tokens=1, session=True),
    Load("50 at a time", streams=50, runs=10, tokens=1, session=True),
)
QUICK = (Load("4 at a time", streams=4, runs=4, tokens=1, session=True),)
VARIANTS = (catalog.FASTAPI, catalog.FORGETFUL, catalog.OURS, catalog.EVERYSEC)
ROWS = (
    Row("server's CPU, µs per run", compared("run_us")),
    Row("store's CPU, µs per run", plain("store_run_us")),
    Row("runs per second", compared("runs_per_second")),
    Row("first token, ms: p50, p99", percentiles("first")),
    Row("whole answer, ms: p50, p99", percentiles("whole")),
    *AROUND,
)
SCENARIO = Scenario("short", VARIANTS, LOADS, QUICK, ROWS)

if __name__ == "__main__":
    sys.exit(run(SCENARIO, __doc__))
