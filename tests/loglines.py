"""The process's log in a test: configured as the server does, kept in memory, undone after."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TextIO

import structlog

from assistant.telemetry import configure_logging, log_crashes


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
def written(
    level: str = "INFO",
    form: str = "json",
    *,
    levels: Mapping[str, str] | None = None,
    stream: TextIO | None = None,
) -> Iterator[Written]:
    """Log into memory, or to a stream, while the context lasts."""
    root, log = logging.getLogger(), Written()
    before, threshold = root.handlers[:], root.level
    set_before = {name: logging.getLogger(name).level for name in levels or ()}
    show = warnings.showwarning
    configure_logging(level, form, stream or log.stream, levels)
    try:
        yield log
    finally:
        root.handlers[:] = before
        root.setLevel(threshold)
        for name, was in set_before.items():
            logging.getLogger(name).setLevel(was)
        warnings.showwarning = show
        structlog.reset_defaults()


@contextmanager
def crashes_logged() -> Iterator[None]:
    """Log what nobody caught while the context lasts, instead of telling pytest."""
    before = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    log_crashes()
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook, sys.unraisablehook = before
