"""Logging: one JSON object a line, from our code and from libraries alike, redacted last."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from assistant.telemetry.redaction import redact

_FRAMEWORK_FIELDS = ("_record", "_from_structlog")


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
        structlog.processors.ExceptionRenderer(
            # Local variables would carry content and keys into the log.
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=20)
            if form == "json"
            else structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        ),
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
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _redact,
                _as_json if form == "json" else structlog.dev.ConsoleRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    # What these say at INFO is in our own lines already; httpx names whole URLs.
    for noisy in ("aiohttp.access", "httpx", "httpx2", "httpcore", "httpcore2", "openai"):
        logging.getLogger(noisy).setLevel("WARNING")


def _redact(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    clean: dict[str, Any] = redact(event)
    return clean


def _as_json(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
    lead = {k: event.pop(k) for k in ("timestamp", "level", "event") if k in event}
    return msgspec.json.encode(lead | dict(event), enc_hook=str).decode()
