"""Spans as every layer makes them, and traces as they pass from process to process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import Token
from typing import cast

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import CarrierT, Getter, default_getter
from opentelemetry.trace import Link, Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from typing_extensions import override

from assistant import __version__

TRACER = trace.get_tracer("assistant", __version__)
"""Makes spans; costs next to nothing while nobody records them."""

CORRELATION_ID = "assistant.correlation_id"
RUN_ID = "assistant.run.id"
PERSONA_VERSION = "assistant.persona.version"
ATTEMPT = "assistant.attempt"
CONVERSATION_ID = "gen_ai.conversation.id"
ERROR_TYPE = "error.type"

Carrier = dict[str, str]
"""A place in a trace as a W3C header, `traceparent`."""

Facts = Mapping[str, str | int]
"""Attributes that all spans of something have in common."""

_FACTS = context.create_key("assistant.facts")
# What the instrumentations of libraries look for; named by them, in a package of theirs.
_SUPPRESSED = "suppress_instrumentation"


class _ParentOnly(TraceContextTextMapPropagator):
    """W3C's trace context without `tracestate`, in which a client may write what it likes."""

    @override
    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        found = getter.get(carrier, "traceparent")
        return super().extract({"traceparent": found[0]} if found else {}, context)


# Not baggage either: it may hold what a client says of a person.
PROPAGATOR = _ParentOnly()
"""Reads and writes places in traces, for all of this process."""


def is_on() -> bool:
    """Return whether spans are recorded in this process."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def carrier() -> Carrier:
    """Return where the current span stands, to be stored or sent; empty without one."""
    here: Carrier = {}
    PROPAGATOR.inject(here)
    return here


def context_of(place: Carrier) -> Context:
    """Return a context with nothing in it but a stored place in a trace, for a parent span."""
    return PROPAGATOR.extract(place, Context())


def trace_id(place: Carrier) -> str | None:
    """Return the trace of a stored place, as 32 hex digits; None where none is recorded."""
    found = trace.get_current_span(context_of(place)).get_span_context()
    return trace.format_trace_id(found.trace_id) if found.trace_flags.sampled else None


def links(*places: Carrier) -> list[Link]:
    """Return links to stored places in traces; those that are empty have none."""
    spans = (trace.get_current_span(context_of(place)) for place in places)
    return [Link(found) for span in spans if (found := span.get_span_context()).is_valid]


def link(*places: Carrier) -> None:
    """Link the current span to stored places in traces."""
    for found in links(*places):
        trace.get_current_span().add_link(found.context)


@contextmanager
def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    *,
    within: Context | None = None,
    attributes: Facts | None = None,
    linked: Carrier | None = None,
) -> Iterator[Span]:
    """Make a span of what happens within; an error leaves its code there, never its words.

    Args:
        name: of few values, as it names a kind of work.
        kind: as OpenTelemetry tells spans apart.
        within: where it begins; by default the current context.
        attributes: besides the facts of its context.
        linked: a place in another trace.
    """
    made = TRACER.start_span(
        name, within, kind, attributes=dict(attributes or {}), links=links(linked or {})
    )
    token = context.attach(trace.set_span_in_context(made, within))
    try:
        yield made
    except Exception as error:
        fail(made, str(getattr(error, "code", type(error).__name__)))
        raise
    finally:
        let_go(token)
        made.end()


def fail(failed: Span, kind: str) -> None:
    """Say that what a span stands for failed; `kind` is one of few, such as an error's type."""
    failed.set_attribute(ERROR_TYPE, kind)
    failed.set_status(StatusCode.ERROR)


def let_go(token: Token[Context]) -> None:
    """Put the context back as it was before `context.attach`, unless this is another task.

    A generator may be closed by another task than the one that ran it. There is nothing to put
    back then, and OpenTelemetry's own `detach` would log a traceback.
    """
    with suppress(ValueError):
        token.var.reset(token)


@contextmanager
def unseen() -> Iterator[None]:
    """Let libraries make no spans within: for what is done over and over, whoever asks."""
    if not is_on():
        yield
        return
    token = context.attach(context.set_value(_SUPPRESSED, "yes"))
    try:
        yield
    finally:
        let_go(token)


def is_seen() -> bool:
    """Return whether spans are to be made here of what libraries do: not within `unseen`."""
    return not context.get_value(_SUPPRESSED)


def facts(known: Facts) -> AbstractContextManager[None]:
    """Put attributes on the current span, and on every span that begins within."""
    return _facts(known) if is_on() else nullcontext()


@contextmanager
def _facts(known: Facts) -> Iterator[None]:
    trace.get_current_span().set_attributes(dict(known))
    token = context.attach(with_facts(known))
    try:
        yield
    finally:
        let_go(token)


def note(known: Facts) -> None:
    """Add what has just become known to the facts of the request that is being handled."""
    trace.get_current_span().set_attributes(dict(known))
    held = context.get_value(_FACTS)
    if isinstance(held, dict):
        cast("dict[str, str | int]", held).update(known)


def tell_of(known: Facts, place: Carrier) -> None:
    """Say that the request is about something with a trace of its own, and link it there."""
    note(known)
    link(place)


def with_facts(known: Facts, within: Context | None = None) -> Context:
    """Return a context in which every span has these attributes."""
    return context.set_value(_FACTS, {**facts_of(within), **known}, within)


def facts_of(within: Context | None = None) -> Facts:
    """Return the attributes that a span which begins in a context is to have."""
    found = context.get_value(_FACTS, within)
    return found if isinstance(found, dict) else {}
