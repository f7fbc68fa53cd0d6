"""The engine: makes answers with the OpenAI Agents SDK, which nothing else imports."""

from __future__ import annotations

from assistant.engine.demo import Pace
from assistant.engine.engine import Engine, open_engine
from assistant.engine.execution import Execution
from assistant.engine.jobs import Job, Limits, Sink
from assistant.engine.providers import ProviderOptions
from assistant.engine.tools import Tools

__all__ = [
    "Engine",
    "Execution",
    "Job",
    "Limits",
    "Pace",
    "ProviderOptions",
    "Sink",
    "Tools",
    "open_engine",
]
