"""The loggers of our own code: structlog's, straight to the sink, which never raise."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

import structlog
from structlog import BoundLoggerBase

from assistant.telemetry.logs.lines import failed
from assistant.telemetry.logs.sink import Sink


class Place:
    """Where a logger's lines go, and from which level on.

    Attributes:
        name: the logger's.
        is_on: says of a level's number whether its lines are written.
    """

    __slots__ = ("is_on", "name", "write")

    def __init__(self, name: str, sink: Sink) -> None:
        self.name = name
        self.is_on = logging.getLogger(name).isEnabledFor
        self.write = sink.write


class Places:
    """Makes each logger's place once."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._made: dict[str, Place] = {}

    def __call__(self, name: str = "assistant") -> Place:
        """Return the place of a logger."""
        place = self._made.get(name)
        if place is None:
            place = self._made[name] = Place(name, self._sink)
        return place


class OwnLogger(BoundLoggerBase):
    """Logs an event and its fields, whatever these are called and hold."""

    def debug(self, event: object = None, /, *given: object, **fields: Any) -> None:
        """Tell what only helps to find a fault."""
        self._tell("debug", logging.DEBUG, event, given, fields)

    def info(self, event: object = None, /, *given: object, **fields: Any) -> None:
        """Tell what happened."""
        self._tell("info", logging.INFO, event, given, fields)

    def warning(self, event: object = None, /, *given: object, **fields: Any) -> None:
        """Tell what should not happen often."""
        self._tell("warning", logging.WARNING, event, given, fields)

    def error(self, event: object = None, /, *given: object, **fields: Any) -> None:
        """Tell what somebody has to see to."""
        self._tell("error", logging.ERROR, event, given, fields)

    def exception(self, event: object = None, /, *given: object, **fields: Any) -> None:
        """Tell of the exception that is being handled."""
        fields.setdefault("exc_info", True)
        self._tell("error", logging.ERROR, event, given, fields)

    def critical(self, event: object = None, /, *given: object, **fields: Any) -> None:
        """Tell that the process cannot go on."""
        self._tell("critical", logging.CRITICAL, event, given, fields)

    def log(self, level: int, event: object = None, /, *given: object, **fields: Any) -> None:
        """Tell something at a level given by its number."""
        self._tell(logging.getLevelName(level).lower(), level, event, given, fields)

    # As the standard library calls them, for the code of whoever embeds us.
    msg, warn, fatal = info, warning, critical

    def _tell(
        self,
        method: str,
        number: int,
        event: object,
        given: tuple[object, ...],
        fields: dict[str, Any],
    ) -> None:
        place: Place = self._logger
        if not place.is_on(number):
            return
        try:
            if given:
                fields["positional_args"] = given
            if "event" in fields:
                fields["event_"] = fields.pop("event")
            (line,), _ = self._process_event(method, event, fields)  # type: ignore[arg-type]
            place.write(line)
        except structlog.DropEvent:
            pass
        except Exception as error:  # noqa: BLE001 - a log call never raises into its caller
            with suppress(Exception):
                place.write(failed(place.name, event, error))
