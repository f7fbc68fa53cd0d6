"""What is measured of what a process rests on: store, clinic, event loop, telemetry itself."""

from __future__ import annotations

from assistant.metrics.instruments import Counter, Gauge, Histogram, Total
from assistant.metrics.labels import UNKNOWN, closed, named

_QUICK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

STORE_UP = Gauge("assistant.store.up", "1", "Whether the store answers this process: 1 or 0.")
STORE_FAILURES = Counter(
    "assistant.store.failures", "{command}", "Commands that the store did not answer, or refused."
)
FLUSH_DURATION = Histogram(
    "assistant.store.flush.duration",
    "s",
    "From sending what is pending of all logs to the store's acknowledgement.",
    (closed("outcome", "ok", "error"),),
    buckets=_QUICK,
)
FLUSH_ENTRIES = Histogram(
    "assistant.store.flush.entries",
    "{entry}",
    "Log entries that one flush sends; its sum is how many were appended.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
)

QUERIES = Histogram(
    "db.client.operation.duration",
    "s",
    "Statements on the clinic's database.",
    (
        closed("system", "sqlite", "postgresql", key="db.system.name", other=UNKNOWN),
        closed(
            "operation",
            *("SELECT", "INSERT", "UPDATE", "DELETE", "BEGIN", "SET", "WITH", "PRAGMA"),
            key="db.operation.name",
            other=UNKNOWN,
        ),
        closed(
            "error",
            *("constraint", "refused", "data", "unavailable", "cancelled", "internal"),
            key="error.type",
            other=UNKNOWN,
        ),
    ),
    # Those that the conventions recommend.
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10),
)

LOOP_LAG = Histogram(
    "assistant.event_loop.lag",
    "s",
    "How late the event loop is, looked at twice a second.",
    buckets=_QUICK,
)

REDACTED = named("kind", 100)
REDACTIONS = Total(
    "assistant.redactions", "{value}", "What was taken out of telemetry, by kind.", (REDACTED,)
)
DROPPED = Total(
    "assistant.telemetry.dropped",
    "{item}",
    "Spans and log lines that were lost, by why.",
    (
        closed("signal", "span", "log"),
        closed(
            "reason",
            *("queue_full", "not_begun", "export_failed", "rejected", "invalid", "at_exit"),
            "unwritable",
        ),
    ),
)
EXPORTED = Total("assistant.telemetry.exported", "{span}", "Spans that the collector took.")
BUILD = Gauge(
    "assistant.build_info",
    "1",
    "Always 1; its labels say what runs.",
    (named("version", 1), named("python", 1)),
)
