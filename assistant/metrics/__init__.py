"""The table of all that is measured; every layer records through it, whoever reads it."""

from __future__ import annotations

from assistant.metrics import clients, models, parts, work
from assistant.metrics.instruments import Instrument

TABLE: tuple[Instrument, ...] = tuple(
    row
    for room in (work, models, clients, parts)
    for row in vars(room).values()
    if isinstance(row, Instrument)
)
"""Every instrument there is."""

__all__ = ["TABLE", "clients", "models", "parts", "work"]
