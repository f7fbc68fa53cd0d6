"""Says once when exporting begins to fail, and once when it is well again."""

from __future__ import annotations

import math
import time

import structlog

from assistant.telemetry.traces.tally import dropped

log = structlog.get_logger(__name__)

# A collector that comes and goes is told of no more often than this.
_SECONDS = 60


class Outage:
    """Knows whether a collector takes what it is sent.

    Args:
        place: the collector's address.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._since: float | None = None
        self._before = 0
        self._told = -math.inf
        self._silent = False

    def is_on(self) -> bool:
        """Return whether the last export failed."""
        return self._since is not None

    def goes_on(self, reason: str) -> None:
        """Note that an export failed."""
        if self._since is not None:
            return
        self._since, self._before = time.monotonic(), sum(dropped().values())
        self._silent = self._since < self._told + _SECONDS
        if not self._silent:
            self._told = self._since
            log.warning("traces.export.failing", collector=self._place, reason=reason)

    def is_over(self) -> None:
        """Note that an export worked."""
        if self._since is None:
            return
        seconds = round(time.monotonic() - self._since, 1)
        lost = sum(dropped().values()) - self._before
        self._since = None
        if not self._silent:
            log.warning(
                "traces.export.recovered", collector=self._place, seconds=seconds, dropped=lost
            )
