"""How this process is doing: latencies of its latest runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

_KEPT = 1_000


class Pulse:
    """Remembers the latest runs' latencies, in seconds, and tells their percentiles."""

    def __init__(self) -> None:
        self._first: deque[float] = deque(maxlen=_KEPT)
        self._whole: deque[float] = deque(maxlen=_KEPT)

    def note(self, first: float | None, whole: float) -> None:
        """Note a run: from acceptance to its first text, if any came, and to its end."""
        if first is not None:
            self._first.append(first)
        self._whole.append(whole)

    def percentiles(self) -> dict[str, dict[str, float | None]]:
        """Return the 50th, 95th and 99th percentile of both latencies; None without runs."""
        return {"first_token_seconds": _spread(self._first), "run_seconds": _spread(self._whole)}


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    ordered = sorted(values)
    return {
        f"p{p}": round(ordered[min(len(ordered) * p // 100, len(ordered) - 1)], 4)
        if ordered
        else None
        for p in (50, 95, 99)
    }
