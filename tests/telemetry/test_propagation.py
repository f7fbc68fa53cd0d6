"""What of a client's trace context is taken in, and what goes on to others."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.context import Context

from assistant.tracing import PROPAGATOR

_PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_TOLD = {"traceparent": _PARENT, "tracestate": "vendor=Ann,other=hunter22", "baggage": "who=Ann"}


def test_of_a_client_only_its_place_is_taken() -> None:
    taken = PROPAGATOR.extract(_TOLD, Context())
    found = trace.get_current_span(taken).get_span_context()
    assert trace.format_trace_id(found.trace_id) == _PARENT.split("-")[1]
    assert not found.trace_state
    sent: dict[str, str] = {}
    PROPAGATOR.inject(sent, taken)
    assert sent == {"traceparent": _PARENT}


def test_without_a_place_or_with_an_odd_one_there_is_no_parent() -> None:
    for told in ({}, {"tracestate": "vendor=Ann"}, {"traceparent": "Ann"}, {"traceparent": ""}):
        taken = PROPAGATOR.extract(told, Context())
        assert not trace.get_current_span(taken).get_span_context().is_valid
