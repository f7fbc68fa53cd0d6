"""Spans of the clinic's queries: the statement as it is written, never what is bound to it."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from opentelemetry.instrumentation.sqlalchemy.engine import EngineTracer
from opentelemetry.metrics import NoOpMeter
from opentelemetry.trace import Span, StatusCode, Tracer, get_tracer
from sqlalchemy import Engine
from sqlalchemy.engine import ExceptionContext
from typing_extensions import override

_NAME = "opentelemetry.instrumentation.sqlalchemy"


def watch(engine: Engine) -> None:
    """Make a span of each statement of an engine's from now on."""
    Watcher(get_tracer(_NAME), engine)


class Watcher(EngineTracer):
    """The instrumentation of SQLAlchemy, for one engine, and with less to tell.

    As it is, a span is named after SQLite's whole path, and holds the database's own words for an
    error, in which there may be somebody's data.
    """

    def __init__(self, tracer: Tracer, engine: Engine) -> None:
        # It would count connections under a name that holds SQLite's path.
        uncounted = NoOpMeter(_NAME).create_up_down_counter("db.client.connections.usage")
        super().__init__(tracer, engine, uncounted)  # type: ignore[no-untyped-call]

    @classmethod
    @override
    def _register_event_listener(
        cls, target: Any, identifier: str, func: Any, *args: Any, **kw: Any
    ) -> None:
        listener = _fail if identifier == "handle_error" else func
        super()._register_event_listener(  # type: ignore[no-untyped-call]
            target, identifier, listener, *args, **kw
        )

    @override
    def _operation_name(self, db_name: str | None, statement: str) -> str:
        name: str = super()._operation_name(None, statement)  # type: ignore[no-untyped-call]
        return name

    @override
    def _set_db_client_span_attributes(
        self, span: Span, statement: str, db_name: str | None, attrs: dict[str, Any]
    ) -> None:
        short = {k: PurePath(v).name if v == db_name else v for k, v in attrs.items()}
        super()._set_db_client_span_attributes(span, statement, db_name, short)


def _fail(failure: ExceptionContext) -> None:
    span = getattr(failure.execution_context, "_otel_span", None)
    if isinstance(span, Span):
        span.set_attribute("error.type", type(failure.original_exception).__name__)
        span.set_status(StatusCode.ERROR)
        span.end()
