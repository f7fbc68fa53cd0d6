"""Telemetry: what an operator sees of the server, and never what people say to it."""

from __future__ import annotations

from assistant.telemetry.correlation import correlation_id_from
from assistant.telemetry.logs import (
    configure_logging,
    dropped_lines,
    log_crashes,
    log_loop_faults,
)
from assistant.telemetry.opening import open_telemetry
from assistant.telemetry.redaction import redact

__all__ = [
    "configure_logging",
    "correlation_id_from",
    "dropped_lines",
    "log_crashes",
    "log_loop_faults",
    "open_telemetry",
    "redact",
]
