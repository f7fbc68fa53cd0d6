"""What redaction finds and what it costs: our own corpus, a log event, and hostile texts."""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import mean, quantiles
from typing import Any

import structlog

from assistant.telemetry.redaction import redact
from tests.telemetry.redaction.corpus import corpus
from tests.telemetry.redaction.scoring import score
from tests.telemetry.redaction.test_speed import HOSTILE

KIB = 1024
EVENT = {
    "run_id": "run_01JD3K9X2M4N5P6Q7R8S9T0V1W",
    "correlation_id": "cor_01JD3K9X2M4N5P6Q7R8S9T0V1W",
    "persona": "jaime_therapist",
    "outcome": "completed",
    "attempt": 1,
    "seconds": 1.25,
    "why": "the model answered",
}


def main() -> None:
    """Measure, and print Markdown."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=5, help="corpora to make")
    options.add_argument("--rows", type=Path, help="events to time instead, one JSON a line")
    chosen = options.parse_args()
    print(_found(range(chosen.seeds)))
    print(_cost(_events(chosen.rows)))
    print(_log_event())
    print(_hostile())


def _found(seeds: Iterable[int]) -> str:
    result = score(redact, (row for seed in seeds for row in corpus(seed)))
    lines = ["| rows | number | leaked | lost |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {kind} | {number} | {result.leaked[kind]} | {result.lost[kind]} |"
        for kind, number in result.rows.items()
    ]
    return "\n".join(lines) + "\n"


def _events(path: Path | None) -> list[Any]:
    if path is None:
        return [row.value for row in corpus()]
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [row.get("text", row.get("event")) for row in rows]


def _cost(events: list[Any]) -> str:
    taken = sorted(_microseconds(lambda event=event: redact(event), 9) for event in events)
    cuts = quantiles(taken, n=100)
    return (
        f"An event of {len(events)}: {mean(taken):.1f} µs on average, half within {cuts[49]:.1f}, "
        f"99 in 100 within {cuts[98]:.1f}.\n"
    )


def _log_event() -> str:
    plain, redacting = (_logger(steps) for steps in ((), (_redacted,)))
    first = _microseconds(lambda: plain.info("run.finished", **EVENT), 2000)
    second = _microseconds(lambda: redacting.info("run.finished", **EVENT), 2000)
    more = second - first
    return f"A log event of seven fields: {first:.1f} µs plain, {more:.1f} µs more redacted.\n"


def _logger(steps: tuple[Callable[..., Any], ...]) -> Any:
    renderer = structlog.processors.JSONRenderer()
    return structlog.wrap_logger(
        structlog.PrintLogger(io.StringIO()), processors=[*steps, renderer]
    )


def _redacted(_logger: Any, _name: str, event: dict[str, Any]) -> Any:
    return redact(event)


def _hostile() -> str:
    lines = ["| 16 KiB of | ms | four times as much |", "| --- | --- | --- |"]
    for name, piece in HOSTILE.items():
        short, long = ((piece * (n * KIB // len(piece) + 1))[: n * KIB] for n in (16, 64))
        first, second = (_microseconds(lambda t=t: redact(t), 5) / 1000 for t in (short, long))
        lines.append(f"| {name} | {first:.2f} | {second / first:.1f}x |")
    return "\n".join(lines)


def _microseconds(act: Callable[[], Any], times: int) -> float:
    """Return the least time of several: what the machine's other work adds is not of this."""
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter_ns()
        act()
        best = min(best, (time.perf_counter_ns() - began) / 1000)
    return best


if __name__ == "__main__":
    main()
