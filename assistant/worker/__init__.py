"""The worker: executes runs, one writer each, and takes over what others left."""

from __future__ import annotations

from assistant.worker.attempt import Attempts
from assistant.worker.dispatch import Dispatch, LocalDispatch
from assistant.worker.places import Capacity
from assistant.worker.pulse import Pulse
from assistant.worker.tending import Tending
from assistant.worker.worker import Worker

__all__ = [
    "Attempts",
    "Capacity",
    "Dispatch",
    "LocalDispatch",
    "Pulse",
    "Tending",
    "Worker",
]
