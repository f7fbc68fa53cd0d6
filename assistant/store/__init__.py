"""The store: sessions, runs and their logs on the Redis protocol."""

from __future__ import annotations

from assistant.store.approvals import Approvals
from assistant.store.cursor import Cursor
from assistant.store.leases import Claim, Leases
from assistant.store.log import Log
from assistant.store.opening import Store, StoreOptions, open_store
from assistant.store.pen import Pen
from assistant.store.runs import Ending, Offer, Runs, digest, status_of
from assistant.store.sessions import HistoryLine, Sessions, has_ended
from assistant.store.vitals import Vitals

__all__ = [
    "Approvals",
    "Claim",
    "Cursor",
    "Ending",
    "HistoryLine",
    "Leases",
    "Log",
    "Offer",
    "Pen",
    "Runs",
    "Sessions",
    "Store",
    "StoreOptions",
    "Vitals",
    "digest",
    "has_ended",
    "open_store",
    "status_of",
]
