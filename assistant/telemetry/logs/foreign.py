"""The lines of libraries: what is written in their code is told, what they put into it is not."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from types import FrameType
from typing import Any

from structlog.typing import Processor
from typing_extensions import override

from assistant.telemetry.logs.faults import brief, literals, type_name
from assistant.telemetry.logs.levels import least_of
from assistant.telemetry.logs.lines import failed
from assistant.telemetry.logs.sink import Sink

_UNTOLD = "log.untold"
_LEFT_OUT = "…"
_CALLERS = 12
_NAME = 200


class Foreign(logging.Handler):
    """Writes the standard library's records as lines of ours.

    A library's message is told where it is a literal of its code, with the numbers and types that
    it puts in. Strings and objects that it puts in are left out, and so is a message that it made
    of them: a client names the URL, a database the row, the SDK what was said. The line then says
    `log.untold` and the place, where the message can be read.
    """

    def __init__(self, chain: list[Processor], sink: Sink) -> None:
        super().__init__()
        self._chain = chain
        self._sink = sink

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < least_of(record.name):
            return
        try:
            event: Any = _fields(record)
            for process in self._chain:
                event = process(_Name(record.name), record.levelname.lower(), event)
            self._sink.write(event)
        except Exception as error:  # noqa: BLE001 - a log call never raises into its caller
            with suppress(Exception):
                self._sink.write(failed(record.name, None, error))


class _Name:
    """A logger's name, where structlog's processors look for it."""

    __slots__ = ("name",)

    def __init__(self, name: object) -> None:
        self.name = str(name)[:_NAME].encode("utf-8", "backslashreplace").decode()


class _LeftOut(str):
    """Stands where a library put something that is not told."""

    __slots__ = ()

    @override
    def __repr__(self) -> str:
        return str(self)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = {"exc_info": record.exc_info}
    message: Any = record.msg
    if type(message) is str and _is_written(message):
        fields["event"] = _filled(message, record.args)
    else:
        fields["event"] = _UNTOLD
        fields["place"] = f"{record.module}:{record.lineno}"
        if issubclass(type(message), BaseException):
            fields["error"] = brief(message)
    return fields


def _is_written(message: str) -> bool:
    """Return whether a message stands in the code of those who are logging it now."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - as logging itself finds its caller
    outside = 0
    while frame is not None and outside < _CALLERS:
        if frame.f_globals.get("__name__") not in {"logging", __name__}:
            outside += 1
            if message in literals(frame.f_code):
                return True
        frame = frame.f_back
    return False


def _filled(message: str, given: Any) -> str:
    if not given:
        return message
    if isinstance(given, dict) and "%(" in message:
        return message % {name: _safe(value) for name, value in given.items()}
    values = given if isinstance(given, tuple) else (given,)
    return message % tuple(map(_safe, values))


def _safe(value: Any) -> Any:
    kind = type(value)
    if value is None or kind in {bool, int, float}:
        return value
    if issubclass(kind, BaseException):
        return _LeftOut(brief(value))
    if kind is str:
        return _LeftOut(_coroutine(value) or _LEFT_OUT)
    return _LeftOut(type_name(value) if issubclass(kind, type) else _LEFT_OUT)


def _coroutine(text: str) -> str | None:
    """Return the task's function where a text is asyncio's of a task: the loop was slow in it."""
    if not text.startswith("<Task "):
        return None
    name = text.partition(" coro=<")[2].partition("(")[0]
    return name if name.replace(".<locals>", "").replace(".", "_").isidentifier() else None
