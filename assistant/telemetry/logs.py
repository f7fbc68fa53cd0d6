"""Logging: one JSON object a line, from our code and from libraries alike, redacted last."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger
from typing_extensions import override

from assistant.telemetry.redaction import redact

# Fields that may take several lines where a person reads them.
_TALL = frozenset({"exception", "stack"})
# What these say below WARNING is in our own lines already, or is content: httpx names whole URLs,
# and databases' drivers write statements with the values in them and the rows that came back.
_QUIET = (
    *("aiohttp.access", "httpx", "httpx2", "httpcore", "httpcore2", "openai"),
    *("aiosqlite", "alembic", "asyncpg", "sqlalchemy"),
)
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}


def configure_logging(level: str, form: str, stream: TextIO | None = None) -> None:
    """Send all logging of this process to `stream` (default: standard error).

    `level` is a standard level's name. `form` is `json`, one object a line, or `console`.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
        structlog.processors.StackInfoRenderer(),
        _tracebacks(form),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    _send_all(level, _handler(form, shared, stream or sys.stderr))


def _tracebacks(form: str) -> Processor:
    # Local variables would carry content and keys into the log.
    if form == "json":
        return structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=20)
        )
    return structlog.processors.format_exc_info


def _handler(form: str, shared: list[Processor], stream: TextIO) -> logging.Handler:
    console = structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    render: list[Processor] = [_as_json] if form == "json" else [_on_one_line, console]
    handler = _Handler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _redact,
                *render,
            ],
        )
    )
    return handler


def _send_all(level: str, handler: logging.Handler) -> None:
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel("WARNING")


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines; of one that cannot be made it says so, instead of showing what was in it."""

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        # A stream that is closed or full has nowhere to be told of.
        with suppress(Exception):
            line = {
                "level": record.levelname.lower(),
                "event": "log.failed",
                "logger": record.name,
                "place": f"{record.module}:{record.lineno}",
                "error": type(sys.exc_info()[1]).__name__,
            }
            self.stream.write(msgspec.json.encode(line).decode() + self.terminator)


def _redact(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    clean: dict[str, Any] = redact(event)
    return clean


def _on_one_line(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    return {
        name: str(value).translate(_ESCAPES) if name not in _TALL else value
        for name, value in event.items()
    }


def _as_json(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
    lead = {k: event.pop(k) for k in ("timestamp", "level", "event") if k in event}
    return msgspec.json.encode(lead | dict(event), enc_hook=str).decode()
