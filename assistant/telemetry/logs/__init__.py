"""Logging: one line an event, from our code and from libraries alike, with no content in it."""

from __future__ import annotations

from assistant.telemetry.logs.crashes import log_crashes, log_loop_faults
from assistant.telemetry.logs.faults import told
from assistant.telemetry.logs.opening import configure_logging, dropped_lines

__all__ = ["configure_logging", "dropped_lines", "log_crashes", "log_loop_faults", "told"]
