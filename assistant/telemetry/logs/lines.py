"""A line from its parts: who says it, within what, at bounds, redacted, and then as text."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor, WrappedLogger

from assistant.telemetry.logs.bounds import fit_line
from assistant.telemetry.logs.faults import told, type_name
from assistant.telemetry.logs.forms import console, json
from assistant.telemetry.redaction import redact

# What a line says of itself. Fields of the same names get a `_` behind theirs.
_OURS = frozenset(
    {"timestamp", "level", "event", "logger", "trace_id", "span_id", "exception", "log_fault"}
)
# Of a fixed form, whatever was logged: neither cut nor redacted.
_FORMED = ("trace_id", "span_id", "client_address")


def chain(form: str, *, colours: bool) -> list[Processor]:
    """Return structlog's processors, from an event to its line in bytes."""
    render: Callable[[dict[str, Any]], bytes] = json if form == "json" else console(colours=colours)

    def finish(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
        line = {"timestamp": event.pop("timestamp"), "level": event.pop("level")}
        formed = {name: event.pop(name) for name in _FORMED if name in event}
        line |= redact(fit_line(event))
        return render(line | formed)

    return [begin, finish]


def begin(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Return the line's own fields, then those of its context, then those it was logged with.

    What is None is left out.
    """
    line: dict[str, Any] = {
        "timestamp": _now(),
        "level": method,
        "event": event.pop("event", None),
        "logger": logger.name,
    }
    error = _error(event.pop("exc_info", None))
    event.pop("stack_info", None)
    for fields in (structlog.contextvars.get_contextvars(), event):
        for name, value in fields.items():
            if value is not None:
                line[f"{name}_" if name in _OURS else name] = value
    _add_trace(line)
    if error is not None:
        line["exception"] = told(error)
    return line


def failed(name: str, event: object, error: BaseException) -> bytes:
    """Return the line that stands for one that could not be made."""
    own = {"timestamp": _now(), "level": "error", "event": "log.failed", "logger": name}
    dotted = type(event) is str and event.replace(".", "_").isidentifier()
    return json(own | {"line": event if dotted else None, "error": type_name(type(error))})


def missing(lines: int) -> bytes:
    """Return the line that says how many are missing before it."""
    own = {"timestamp": _now(), "level": "warning", "event": "log.dropped", "logger": __name__}
    return json(own | {"lines": lines})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def _error(given: Any) -> BaseException | None:
    """Return the exception that `exc_info` stands for, in any of the forms that logging knows."""
    if issubclass(type(given), tuple):
        given = given[1] if len(given) > 1 else None
    elif not issubclass(type(given), BaseException):
        given = sys.exc_info()[1] if given else None
    return given if issubclass(type(given), BaseException) else None


def _add_trace(line: dict[str, Any]) -> None:
    here = trace.get_current_span().get_span_context()
    if here.is_valid:
        line["trace_id"] = f"{here.trace_id:032x}"
        line["span_id"] = f"{here.span_id:016x}"
