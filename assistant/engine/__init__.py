"""The engine: makes answers with the OpenAI Agents SDK, which nothing else imports."""

from __future__ import annotations

import assistant.engine.sdk  # noqa: F401 - before anything else loads the SDK
from assistant.engine.demo import Pace
from assistant.engine.engine import Engine, open_engine
from assistant.engine.execution import Execution
from assistant.engine.jobs import Checkpoint, Effect, Job, Limits, Record, Sink
from assistant.engine.providers import ProviderOptions

__all__ = [
    "Checkpoint",
    "Effect",
    "Engine",
    "Execution",
    "Job",
    "Limits",
    "Pace",
    "ProviderOptions",
    "Record",
    "Sink",
    "open_engine",
]
