"""What a line of the log costs beside one of plain structlog: `python -m bench.log_lines`."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable

import structlog
from structlog.contextvars import bound_contextvars

from assistant.telemetry import configure_logging
from assistant.telemetry.redaction import redact

_LINES = 2_000
_ROUNDS = 15
_FIELDS = {
    "run_id": "run_0123456789abcdef01234567",
    "attempt": 1,
    "persona": "web_assistant",
    "status": "completed",
    "seconds": 1.234,
    "output_tokens": 321,
    "error": "model_timeout",
}


def main() -> None:
    """Print microseconds of CPU a line: the best of rounds that take turns, and their median."""
    null = tempfile.TemporaryFile("w")  # noqa: SIM115 - open as long as the process is
    ways = {"plain structlog": _plain(null), "ours": _ours(null), "redact alone": _redact}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(_ROUNDS):
        for name, prepare in ways.items():
            found[name].append(_time(prepare()))
    for name, costs in found.items():
        print(f"{name:16} best {min(costs):6.1f} µs   median {statistics.median(costs):6.1f} µs")


def _plain(stream: object) -> Callable[[], Callable[[], object]]:
    def prepare() -> Callable[[], object]:
        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(),
            ],
            logger_factory=structlog.WriteLoggerFactory(stream),  # type: ignore[arg-type]
            wrapper_class=structlog.make_filtering_bound_logger(20),
            cache_logger_on_first_use=False,
        )
        log = structlog.get_logger("bench")
        return lambda: log.info("run.ended", **_FIELDS)

    return prepare


def _ours(stream: object) -> Callable[[], Callable[[], object]]:
    def prepare() -> Callable[[], object]:
        configure_logging("INFO", "json", stream)  # type: ignore[arg-type]
        log = structlog.get_logger("bench")
        return lambda: log.info("run.ended", **_FIELDS)

    return prepare


def _redact() -> Callable[[], object]:
    line = {"event": "run.ended", "logger": "bench", **_FIELDS}
    return lambda: redact(line)


def _time(tell: Callable[[], object]) -> float:
    with bound_contextvars(correlation_id="cor_0123456789abcdef01234567"):
        tell()
        begun = time.process_time()
        for _ in range(_LINES):
            tell()
        return (time.process_time() - begun) / _LINES * 1e6


if __name__ == "__main__":
    main()
