"""What spans tell of a request beyond what the instrumentation of aiohttp knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from assistant import tracing
from assistant.tracing import Carrier, Facts


@contextmanager
def message(kind: str, socket: Carrier, known: Facts) -> Iterator[None]:
    """Make a span, and a trace, of what one message of a socket asks for.

    A socket may be open for hours: its own span would hold them all, and end long after them. It
    is linked instead.

    Args:
        kind: of message.
        socket: where the socket's own request stands.
        known: what all spans of the message are to say.
    """
    if not tracing.is_on():
        yield
        return
    within = tracing.with_facts(known, Context())
    with tracing.span(kind, SpanKind.SERVER, within=within, attributes=known, linked=socket):
        yield
