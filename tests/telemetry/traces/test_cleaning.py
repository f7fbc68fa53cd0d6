"""What of a span leaves the process."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    TraceState,
    set_span_in_context,
)
from typing_extensions import override

from assistant.errors import AssistantError
from assistant.telemetry.traces.cleaning import Cleaner
from assistant.telemetry.traces.encoding import encoded
from tests.telemetry.traces.recording import Counted, pipeline, tapping

MAIL = "robin.avery@example.org"
KEY = "sk-proj-abcdefgh12345678abcdefgh12345678"


class _Kept(SpanProcessor):
    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    @override
    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


@pytest.fixture
def kept() -> _Kept:
    return _Kept()


@pytest.fixture
def tracer(kept: _Kept) -> Tracer:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(kept)
    return provider.get_tracer("tests")


def shown(kept: _Kept, longest: int | None = None) -> bytes:
    """Return the bytes that would be sent of all spans."""
    cleaner = Cleaner(longest)
    return b"".join(body for body, _ in encoded(kept.spans, cleaner.clean, lambda: None))


def attributes(kept: _Kept, longest: int | None = None) -> dict[str, Any]:
    (span,) = kept.spans
    return dict(Cleaner(longest).clean(span).attributes or {})


def test_no_place_of_a_span_shows_a_secret(tracer: Tracer, kept: _Kept) -> None:
    state = TraceState([("vendor", MAIL)])
    elsewhere = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=state)
    span = tracer.start_span(
        f"ask {MAIL}",
        set_span_in_context(NonRecordingSpan(elsewhere)),
        attributes={"to": MAIL, "many": ("a", MAIL), "deep": {"k": [MAIL]}, "password": "hunter22"},
        links=[Link(elsewhere, {"why": MAIL})],
    )
    span.add_event(f"told {MAIL}", {"what": f"key {KEY}"})
    span.set_status(StatusCode.ERROR, f"no such {MAIL}")
    span.end()
    seen = shown(kept)
    assert b"robin" not in seen
    assert b"abcdefgh" not in seen
    assert b"hunter22" not in seen
    assert b"[email]" in seen


@pytest.mark.parametrize("key", ["url.full", "url.query", "client.address", "user_agent.original"])
def test_what_never_leaves(tracer: Tracer, kept: _Kept, key: str) -> None:
    tracer.start_span("x", attributes={key: "value", "http.route": "/runs/{id}"}).end()
    assert attributes(kept) == {"http.route": "/runs/{id}"}


@pytest.mark.parametrize(("route", "told"), [("/runs/{id}", "/runs/{id}"), ("", "(none)")])
def test_a_path_is_told_as_its_route(tracer: Tracer, kept: _Kept, route: str, told: str) -> None:
    tracer.start_span("x", attributes={"url.path": "/runs/secret", "http.route": route}).end()
    assert attributes(kept)["url.path"] == told


SAID = "gen_ai.input.messages"


@pytest.mark.parametrize("captures", [True, False])
def test_what_was_said_is_told_to_who_asked_for_it_and_redacted(
    tracer: Tracer, kept: _Kept, *, captures: bool
) -> None:
    said = f'[{{"role": "user", "parts": [{{"type": "text", "content": "Mail me at {MAIL}"}}]}}]'
    tracer.start_span("x", attributes={SAID: said}).end()
    told = Cleaner(None, captures=captures).clean(kept.spans[0]).attributes or {}
    assert told == ({SAID: said.replace(MAIL, "[email]")} if captures else {})


def _fail(words: str) -> None:
    raise ValueError(words)


def test_an_exception_is_told_by_type_and_places(tracer: Tracer, kept: _Kept) -> None:
    words = "Jane said"
    with pytest.raises(ValueError, match=words), tracer.start_as_current_span("x"):
        _fail(words)
    (span,) = kept.spans
    (event,) = Cleaner(None).clean(span).events
    told = dict(event.attributes or {})
    assert told["exception.type"] == "ValueError"
    assert "in _fail" in str(told["exception.stacktrace"])
    assert "raise" not in str(told["exception.stacktrace"])
    assert b"Jane" not in shown(kept)


def test_the_words_of_our_own_errors_stay(tracer: Tracer, kept: _Kept) -> None:
    detail = f"no such session for {MAIL}"
    with pytest.raises(AssistantError), tracer.start_as_current_span("x"):
        raise AssistantError(detail)
    (event,) = Cleaner(None).clean(kept.spans[0]).events
    assert dict(event.attributes or {})["exception.message"] == "no such session for [email]"


@pytest.mark.parametrize("cut", range(3))
async def test_half_a_secret_at_the_end_of_a_cut_value_is_not_shown(cut: int) -> None:
    secret = ("4111 1111 1111 1111", MAIL, KEY)[cut]
    longest = 1000
    text = ("word " * longest)[: longest - len(secret) + 4] + " " + secret
    async with tapping() as tap, pipeline(tap.url, longest=longest) as made:
        made.tracer.start_span("x", attributes={"one": text, "many": (text, "short")}).end()
        (span,) = await tap.until(1)
    one, many = _values(span)
    assert one == many[0]
    assert set(one.split()) == {"word"}
    assert len(one) > longest / 2
    assert many[1] == "short"


def _values(span: Span) -> tuple[str, list[str]]:
    found = {fact.key: fact.value for fact in span.attributes}
    return found["one"].string_value, [v.string_value for v in found["many"].array_value.values]


def test_what_cannot_be_cleaned_is_not_sent(tracer: Tracer, kept: _Kept) -> None:
    for name in ("first", "odd", "last"):
        tracer.start_span(name).end()

    def clean(span: ReadableSpan) -> ReadableSpan:
        if span.name == "odd":
            raise LookupError
        return span

    counted = Counted()
    ((body, inside),) = encoded(kept.spans, clean, lambda: None)
    assert (inside, counted.dropped) == (2, {"invalid": 1})
    assert (b"first" in body, b"odd" in body, b"last" in body) == (True, False, True)


def test_a_short_value_is_whole(tracer: Tracer, kept: _Kept) -> None:
    tracer.start_span("x", attributes={"word": "short", "number": 7, "yes": True}).end()
    assert attributes(kept, 16) == {"word": "short", "number": 7, "yes": True}


def test_what_a_client_calls_us_and_itself_stays_here(tracer: Tracer, kept: _Kept) -> None:
    said: dict[str, Any] = {
        "server.address": "ann.example",
        "server.port": 80,
        "user_agent.original": "Ann/1",
    }
    tracer.start_span("GET /", kind=SpanKind.SERVER, attributes=said).end()
    assert attributes(kept) == {}


def test_whom_we_ask_is_told(tracer: Tracer, kept: _Kept) -> None:
    asked: dict[str, Any] = {"server.address": "api.openai.com", "server.port": 443}
    tracer.start_span("chat x", kind=SpanKind.CLIENT, attributes=asked).end()
    assert attributes(kept) == asked
