"""The worker: executes runs, one writer each, and takes over what others left."""

from __future__ import annotations

from assistant.worker.attempt import Attempts
from assistant.worker.dispatch import LocalDispatch, TaskiqDispatch, open_taskiq
from assistant.worker.places import Capacity
from assistant.worker.pulse import Pulse
from assistant.worker.tending import Tending
from assistant.worker.worker import Worker

__all__ = [
    "Attempts",
    "Capacity",
    "LocalDispatch",
    "Pulse",
    "TaskiqDispatch",
    "Tending",
    "Worker",
    "open_taskiq",
]
