"""What would end on standard error as a traceback becomes a line of the log."""

from __future__ import annotations

import asyncio
import sys
import threading
import warnings
from types import TracebackType
from typing import Any, TextIO

import structlog

from assistant.telemetry.logs.faults import type_name

log = structlog.get_logger(__name__)

_WORDS = 80
_NAME = 120
# Their words are written by whoever wrote the code; others may quote a value.
_PLAIN = (DeprecationWarning, PendingDeprecationWarning, FutureWarning, RuntimeWarning)


def log_crashes() -> None:
    """Log what nobody caught: in the main thread, in others, and where nothing can be raised."""
    sys.excepthook = _uncaught
    threading.excepthook = _thread_ended
    sys.unraisablehook = _unraisable


def log_warnings() -> None:
    """Log Python's warnings: their kind and place, and their words where these are the code's."""
    warnings.showwarning = _warned


def log_loop_faults(loop: asyncio.AbstractEventLoop) -> None:
    """Log what an event loop has nobody to tell, such as a task's exception nobody waits for."""
    loop.set_exception_handler(_loop_fault)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        log.warning("process.interrupted")
    else:
        log.critical("process.crashed", exc_info=error.with_traceback(trace))


def _thread_ended(fault: threading.ExceptHookArgs) -> None:
    if not issubclass(fault.exc_type, SystemExit):
        name = fault.thread.name if fault.thread else None
        log.error("thread.crashed", thread=name, exc_info=fault.exc_value)


def _unraisable(fault: Any) -> None:
    what = type_name(type(fault.object))
    log.error("process.unraisable", within=what, exc_info=fault.exc_value)


def _loop_fault(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    task = context.get("task") or context.get("future")
    log.error(
        "loop.fault",
        what=_code_words(str(context.get("message", ""))),
        task=task.get_name()[:_NAME] if isinstance(task, asyncio.Task) else None,
        exc_info=error if isinstance(error, BaseException) else None,
    )


def _code_words(message: str) -> str:
    """Return the beginning of asyncio's message; what it quotes comes later, in brackets."""
    end = next((at for at, char in enumerate(message) if char in "<([{:'\""), len(message))
    return message[:end].strip()[:_WORDS]


def _warned(  # noqa: PLR0917 - as `warnings` calls it
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del file, line
    place = filename.replace("\\", "/").rsplit("site-packages/", 1)[-1]
    log.warning(
        "python.warning",
        kind=type_name(category),
        place=f"{'/'.join(place.split('/')[-3:])}:{lineno}",
        words=str(message) if issubclass(category, _PLAIN) else None,
    )
