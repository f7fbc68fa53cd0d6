"""Spans to OTLP, cleaned, in pieces small enough that nothing else waits for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan

from assistant.telemetry.traces.tally import count_dropped

Clean = Callable[[ReadableSpan], ReadableSpan]


class TooLateError(Exception):
    """The process ends; what is not sent yet is lost."""


# A resource is told once for so many spans.
_SLICE = 16
# Bytes; collectors take 4 MiB and more.
_BODY = 1 << 20


def encoded(
    spans: Sequence[ReadableSpan], clean: Clean, breathe: Callable[[], object]
) -> Iterator[tuple[bytes, int]]:
    """Yield export requests, each with the number of its spans.

    What cannot be encoded is counted as dropped.

    Args:
        spans: as they ended.
        clean: makes a span fit to be seen.
        breathe: called after each little piece of work, to let other threads go on.

    Raises:
        TooLateError: as `breathe` does.
    """
    body, inside = b"", 0
    for start in range(0, len(spans), _SLICE):
        piece, good = _piece(spans[start : start + _SLICE], clean, breathe)
        # Requests of which the fields repeat are joined by joining their bytes.
        body, inside = body + piece, inside + good
        if len(body) >= _BODY:
            yield body, inside
            body, inside = b"", 0
    if inside:
        yield body, inside


def _piece(
    spans: Sequence[ReadableSpan], clean: Clean, breathe: Callable[[], object]
) -> tuple[bytes, int]:
    try:
        cleaned = []
        for span in spans:
            cleaned.append(clean(span))
            breathe()
        body: bytes = encode_spans(cleaned).SerializeToString()
    except TooLateError:
        raise
    except Exception:  # noqa: BLE001 - what cannot be cleaned or encoded must not cost the others
        if len(spans) == 1:
            count_dropped("invalid")
            return b"", 0
        alone = [_piece([span], clean, breathe) for span in spans]
        return b"".join(body for body, _ in alone), sum(good for _, good in alone)
    breathe()
    return body, len(spans)
