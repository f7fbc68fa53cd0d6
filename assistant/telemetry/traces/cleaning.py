"""What of a span leaves the process: some of it never does, and the rest is redacted.

- Attributes that tell whole URLs, where a client is or what it calls itself or us are left out; a
  path is told as its route.
- Of an exception stay its type and the places it went through. Its words stay where it is ours: of
  every other they may be a row, an input, or what a model answered. For the same reason a status
  has no description; `error.type` tells what it was.
- A value that was cut to the permitted length loses its end: half a card's number is no card's
  number to whoever looks for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, TraceState

from assistant.telemetry.redaction import redact, redact_content

_NEVER = frozenset(
    {
        *("url.full", "url.query", "http.url", "http.target"),
        *("client.address", "client.port", "network.peer.address", "network.peer.port"),
        *("http.client_ip", "net.peer.ip", "net.peer.port", "net.sock.peer.addr"),
        *("user_agent.original", "http.user_agent"),
    }
)
# Of a request that came in, its client said in `Host` how it calls us; else we know whom we ask.
_SAID_BY_CLIENT = frozenset({"server.address", "server.port", "http.host", "http.server_name"})
# What was said: what can be told apart is taken out of it even where it was asked for.
_SAID = frozenset(
    {
        *("gen_ai.system_instructions", "gen_ai.input.messages", "gen_ai.output.messages"),
        *("gen_ai.tool.call.arguments", "gen_ai.tool.call.result"),
    }
)
_OURS = "assistant."
# The longest secret that has words of its own, such as a number in groups; then back to a space.
_TORN, _TORN_WORD = 64, 512


class Cleaner:
    """Makes spans fit to be seen by whoever reads traces.

    Args:
        longest: characters after which the SDK cuts a value; None where it does not.
        captures: whether somebody has asked for what was said.
    """

    def __init__(self, longest: int | None, *, captures: bool = False) -> None:
        self._longest = longest
        self._captures = captures

    def clean(self, span: ReadableSpan) -> ReadableSpan:
        """Return a span as it may leave the process."""
        return ReadableSpan(
            name=redact(span.name),
            context=span.context and _context(span.context),
            parent=span.parent,
            resource=span.resource,
            attributes=self._attributes(_ours_to_tell(span)),
            events=[self._event(event) for event in span.events],
            links=[Link(link.context, self._attributes(link.attributes)) for link in span.links],
            kind=span.kind,
            status=Status(span.status.status_code),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )

    def _attributes(self, given: Mapping[str, Any] | None) -> dict[str, Any]:
        kept = {name: self._whole(v) for name, v in (given or {}).items() if name not in _NEVER}
        if "url.path" in kept:
            kept["url.path"] = kept.get("http.route") or "(none)"
        said = {name: kept.pop(name) for name in _SAID & kept.keys()}
        cleaned: dict[str, Any] = redact(kept)
        return cleaned | redact_content(said) if self._captures else cleaned

    def _event(self, event: Event) -> Event:
        facts = dict(event.attributes or {})
        if "exception.stacktrace" in facts:
            facts["exception.stacktrace"] = _places(str(facts["exception.stacktrace"]))
        if not str(facts.get("exception.type", "")).startswith(_OURS):
            facts.pop("exception.message", None)
        return Event(redact(event.name), self._attributes(facts), event.timestamp)

    def _whole(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return [self._whole(item) for item in value]
        if self._longest is None or not isinstance(value, str) or len(value) < self._longest:
            return value
        end = max(len(value) - _TORN, 0)
        return value[: max(value.rfind(" ", end - _TORN_WORD, end), end - _TORN_WORD, 0)]


def _ours_to_tell(span: ReadableSpan) -> Mapping[str, Any]:
    left = _SAID_BY_CLIENT if span.kind is SpanKind.SERVER else frozenset()
    return {name: value for name, value in (span.attributes or {}).items() if name not in left}


def _context(context: SpanContext) -> SpanContext:
    """Return a span's context without what a client wrote into `tracestate`."""
    if not context.trace_state:
        return context
    stated = [(key, redact(value)) for key, value in context.trace_state.items()]
    return SpanContext(
        context.trace_id,
        context.span_id,
        context.is_remote,
        context.trace_flags,
        TraceState(stated),
    )


def _places(stacktrace: str) -> str:
    """Return the lines of a traceback that name files, without lines of source and messages."""
    lines = (line.strip() for line in stacktrace.splitlines())
    return "\n".join(line for line in lines if line.startswith('File "'))
