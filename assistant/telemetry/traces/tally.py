"""How many spans of this process went out, and how many were lost for what reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from threading import Lock
from typing import Literal

Reason = Literal["queue_full", "not_begun", "export_failed", "rejected", "invalid", "at_exit"]
"""Why spans are lost.

`queue_full`: the collector takes them slower than they come. `not_begun`: as it takes no more, a
trace was not recorded at all; it counts as one. `export_failed`: the collector did not take them in
time, or refused them. `rejected`: it took the batch, but not these.
`invalid`: they cannot be cleaned, or no message can hold what is in them. `at_exit`: the process
ended.
"""

_lock = Lock()
_dropped: Counter[str] = Counter()
_exported = 0


def dropped() -> Mapping[str, int]:
    """Return how many spans were lost since the process began, by reason."""
    with _lock:
        return dict(_dropped)


def exported() -> int:
    """Return how many spans the collector took since the process began."""
    return _exported


def count_dropped(reason: Reason, spans: int = 1) -> None:
    """Note that spans are lost."""
    if spans:
        with _lock:
            _dropped[reason] += spans


def count_exported(spans: int) -> None:
    """Note that the collector took spans."""
    global _exported  # noqa: PLW0603 - telemetry is one in a process, and so are its figures
    with _lock:
        _exported += spans
