"""Spans as every layer makes them, and traces as they pass from process to process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACER = trace.get_tracer("assistant")
"""Makes spans; costs next to nothing while nobody records them."""

CORRELATION_ID = "assistant.correlation_id"
RUN_ID = "assistant.run.id"
PERSONA_VERSION = "assistant.persona.version"
ATTEMPT = "assistant.attempt"

Carrier = dict[str, str]
"""A place in a trace as W3C headers: `traceparent`, and `tracestate` where there is one."""

_FACTS = context.create_key("assistant.facts")
# Of the standard propagators this one alone: baggage may hold what a client says of a person.
_w3c = TraceContextTextMapPropagator()


def is_on() -> bool:
    """Return whether spans are recorded in this process."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def carrier() -> Carrier:
    """Return where the current span stands, to be stored or sent; empty without one."""
    here: Carrier = {}
    _w3c.inject(here)
    return here


def context_of(place: Carrier) -> Context:
    """Return the current context with a stored place in a trace for its parent span."""
    return _w3c.extract(place, context.get_current()) if place else context.get_current()


def links(*places: Carrier) -> list[Link]:
    """Return links to stored places in traces; those that are empty have none."""
    spans = (trace.get_current_span(_w3c.extract(place, Context())) for place in places)
    return [Link(found) for span in spans if (found := span.get_span_context()).is_valid]


@contextmanager
def facts(known: Mapping[str, str | int]) -> Iterator[None]:
    """Put attributes on every span that begins within, besides those of the contexts round it."""
    token = context.attach(with_facts(known))
    try:
        yield
    finally:
        context.detach(token)


def with_facts(known: Mapping[str, str | int], within: Context | None = None) -> Context:
    """Return a context in which every span has these attributes."""
    return context.set_value(_FACTS, {**facts_of(within), **known}, within)


def facts_of(within: Context | None = None) -> Mapping[str, str | int]:
    """Return the attributes that a span which begins in a context is to have."""
    found = context.get_value(_FACTS, within)
    return found if isinstance(found, dict) else {}
