"""What the durable log costs: our server beside the same server without persistence.

`python -m bench.durable_log` prints Markdown and writes every figure to
`bench/results/durable_log.json`. Progress goes to standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.kit import catalog
from bench.kit.load import Load
from bench.kit.report import Row, compared, percentiles, plain, with_the_store
from bench.kit.scenario import Scenario, run
from bench.kit.servers import Variant, redis_program

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
ROWS = (
    Row("server's CPU, µs per token", compared("server_us")),
    Row("store's CPU, µs per token", plain("store_us")),
    Row("both, compared", with_the_store),
    Row("tokens per second", plain("tokens_per_second")),
    Row("first token, ms: p50, p99", percentiles("first")),
    Row("whole answer, ms: p50, p99", percentiles("whole")),
    Row("added to a token, ms: p50, p99", percentiles("delay"), paced=True),
    Row("server's core busy with it", plain("server_share", ".0%")),
    Row("frames per token", plain("frames_per_token", ".2f")),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenario."""
    redis = redis_program()
    variants = (
        Variant("memory", "memory only", ("-m", "bench.baselines.memory_only")),
        Variant("always", "embedded, fsync always", embedded=True),
        Variant("everysec", "embedded, everysec", settings=catalog.LATER, embedded=True),
        Variant("tcp", f"{Path(redis).stem} over TCP, everysec", redis=redis),
    )
    return run(Scenario("durable_log", variants, LOADS, QUICK, ROWS), __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
