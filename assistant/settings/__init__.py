"""The configuration: read once by the command line, frozen, passed to whoever needs it."""

from __future__ import annotations

from assistant.settings.settings import AuthMode, Settings
from assistant.settings.telemetry import TelemetrySettings
from assistant.settings.values import is_loopback

__all__ = ["AuthMode", "Settings", "TelemetrySettings", "is_loopback"]
