"""Places in traces as they are stored, and facts as they reach spans."""

from __future__ import annotations

import contextvars
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from assistant import tracing

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@contextmanager
def _within(made: Context) -> Iterator[None]:
    token = context.attach(made)
    try:
        yield
    finally:
        tracing.let_go(token)


def _standing(*, sampled: bool = True) -> Context:
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    place = SpanContext(int(TRACE, 16), int(SPAN, 16), is_remote=False, trace_flags=flags)
    return trace.set_span_in_context(NonRecordingSpan(place), Context())


def test_a_place_in_a_trace_can_be_stored() -> None:
    with _within(_standing()):
        place = tracing.carrier()
    assert place == {"traceparent": f"00-{TRACE}-{SPAN}-01"}
    assert tracing.trace_id(place) == TRACE
    (link,) = tracing.links(place, {})
    assert trace.format_span_id(link.context.span_id) == SPAN


def test_nowhere_is_a_place_too() -> None:
    assert tracing.carrier() == {}
    assert tracing.trace_id({}) is None
    assert tracing.links({}, {"traceparent": "nonsense"}) == []
    assert tracing.is_on() is False


def test_a_trace_that_is_not_recorded_goes_on_unrecorded() -> None:
    with _within(_standing(sampled=False)):
        place = tracing.carrier()
    assert tracing.trace_id(place) is None, "nobody would find it"
    assert place["traceparent"].endswith("-00")


def test_what_goes_on_elsewhere_takes_nothing_along_but_its_place() -> None:
    place = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
    with _within(tracing.with_facts({"whose": "somebody else's"}, _standing())):
        assert tracing.facts_of(tracing.context_of(place)) == {}
        assert tracing.facts_of(tracing.context_of({})) == {}
        assert not trace.get_current_span(tracing.context_of({})).get_span_context().is_valid


def test_what_becomes_known_later_is_known_from_then_on() -> None:
    outer = tracing.with_facts({"a": 1}, Context())
    with _within(tracing.with_facts({"b": 2}, outer)):
        tracing.note({"c": 3})
        assert tracing.facts_of() == {"a": 1, "b": 2, "c": 3}
    assert tracing.facts_of(outer) == {"a": 1}
    tracing.note({"d": 4})
    assert tracing.facts_of() == {}


def test_letting_go_in_another_task_does_nothing(caplog: pytest.LogCaptureFixture) -> None:
    token = contextvars.copy_context().run(context.attach, _standing())
    tracing.let_go(token)
    assert caplog.records == []
    assert not trace.get_current_span().get_span_context().is_valid
