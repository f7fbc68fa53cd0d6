"""The process's log in a test: configured as the server does, kept in memory, undone after."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog

from assistant.telemetry import configure_logging


@dataclass(slots=True)
class Written:
    """What was logged so far."""

    stream: io.StringIO = field(default_factory=io.StringIO)

    @property
    def text(self) -> str:
        """All of it."""
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Each line, read as JSON."""
        return [json.loads(line) for line in self.text.splitlines()]

    def clear(self) -> None:
        """Forget it."""
        self.stream.seek(0)
        self.stream.truncate()


@contextmanager
def written(level: str = "INFO", form: str = "json") -> Iterator[Written]:
    """Log into memory while the context lasts."""
    root, log = logging.getLogger(), Written()
    before, threshold = root.handlers[:], root.level
    configure_logging(level, form, log.stream)
    try:
        yield log
    finally:
        root.handlers[:] = before
        root.setLevel(threshold)
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()
