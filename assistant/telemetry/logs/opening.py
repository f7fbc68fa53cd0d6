"""Turns all logging of a process to one stream."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import TextIO

import structlog

from assistant.telemetry.logs.crashes import log_warnings
from assistant.telemetry.logs.foreign import Foreign
from assistant.telemetry.logs.levels import set_levels
from assistant.telemetry.logs.lines import chain, missing
from assistant.telemetry.logs.own import OwnLogger, Places
from assistant.telemetry.logs.sink import Sink
from assistant.telemetry.redaction import redact

_lost = 0
_sink: Sink | None = None


def configure_logging(
    level: str,
    form: str,
    stream: TextIO | None = None,
    levels: Mapping[str, str] | None = None,
) -> None:
    """Send all logging of this process to `stream` (default: standard error).

    Args:
        level: a standard level's name, for all loggers but those of `levels`.
        form: `json`, one object a line, or `console`.
        stream: where to; what it cannot take is dropped and counted.
        levels: levels by loggers' names; each holds for those below the name as well.

    Raises:
        SettingsError: when a library that is held is to say more than it may.
    """
    set_levels(level, levels or {})
    # Its policy is read now, rather than in the midst of the first request.
    redact(None)
    goal = stream or sys.stderr
    sink = _replace(Sink(goal, missing))
    processors = chain(form, colours=goal is not None and goal.isatty())
    structlog.configure(
        processors=processors,
        logger_factory=Places(sink),
        wrapper_class=OwnLogger,
        # Who is asked for a logger at import is told later where its lines go.
        cache_logger_on_first_use=False,
    )
    logging.getLogger().handlers[:] = [Foreign(processors, sink)]
    log_warnings()


def dropped_lines() -> int:
    """Return how many lines could not be written since the process began."""
    return _lost + (_sink.dropped if _sink else 0)


def _replace(sink: Sink) -> Sink:
    global _lost, _sink  # noqa: PLW0603 - a process has one log, and counts for all of it
    if _sink is not None:
        _lost += _sink.dropped
        _sink.close()
    _sink = sink
    return sink
