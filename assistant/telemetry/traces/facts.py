"""Puts what is known of a request or a run on every span that begins within it."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor
from typing_extensions import override

from assistant import tracing


class Facts(SpanProcessor):
    """Sets the facts of the span's parent context as attributes when the span begins."""

    @override
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        span.set_attributes(tracing.facts_of(parent_context))
