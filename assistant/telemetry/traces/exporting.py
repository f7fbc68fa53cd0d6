"""Sends batches of spans to the collector, again where that may help, but not for ever."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from threading import Event

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # has no stubs
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import ReadableSpan

from assistant.telemetry.traces.collector import Collector
from assistant.telemetry.traces.encoding import Clean, TooLateError, encoded
from assistant.telemetry.traces.outage import Outage
from assistant.telemetry.traces.sending import Answer, post
from assistant.telemetry.traces.tally import count_dropped, count_exported

# https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
_TAKEN = range(200, 300)
_BUSY = frozenset({429, 502, 503, 504})
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
# Seconds within which a collector that is well answers.
_PROMPT = 1.0
_WORK = _BREATH = 0.001


@dataclass(frozen=True, slots=True)
class _Refusal:
    reason: str
    final: bool = False
    rest: float = 0


class Exporter:
    """Sends spans to one collector, from one thread.

    Args:
        collector: where to.
        clean: makes a span fit to be seen by whoever reads traces.
    """

    def __init__(self, collector: Collector, clean: Clean) -> None:
        self._collector = collector
        self._clean = clean
        self._outage = Outage(collector.place)
        self._hurry = Event()
        self._end = math.inf
        self._asked = math.inf
        self._rested = 0.0

    def is_stuck(self) -> bool:
        """Return whether the collector has not taken the last batch, or takes its time with it."""
        return self._outage.is_on() or time.monotonic() > self._asked + _PROMPT

    def hurry(self, seconds: float) -> None:
        """From now on rest no more, and try to deliver for at most so many seconds."""
        self._end = time.monotonic() + seconds
        self._hurry.set()

    def send(self, spans: Sequence[ReadableSpan]) -> None:
        """Send a batch, or count what is lost of it; never raises."""
        left = len(spans)
        try:
            self._look_at_the_clock()
            for body, inside in encoded(spans, self._clean, self._breathe):
                left -= inside
                self._deliver(self._collector.pack(body), inside)
        except TooLateError:
            count_dropped("at_exit", left)

    def _breathe(self) -> None:
        # While this thread works, the event loop waits for the interpreter's lock.
        if time.monotonic() - self._rested > _WORK:
            self._hurry.wait(_BREATH)
            self._rested = time.monotonic()
        self._look_at_the_clock()

    def _look_at_the_clock(self) -> None:
        if time.monotonic() > self._end:
            raise TooLateError

    def _deliver(self, body: bytes, spans: int) -> None:
        """Try until the collector takes it, refuses it for good, or its patience is over."""
        until, pause = time.monotonic() + self._collector.patience, _FIRST_PAUSE
        while refusal := self._attempt(body, spans):
            self._outage.goes_on(refusal.reason)
            spread = pause * random.uniform(0.8, 1.2)  # noqa: S311 - processes shall not call in step
            rest = min(max(refusal.rest, spread), _LONGEST_PAUSE)
            over = refusal.final or self._hurry.is_set() or time.monotonic() + rest > until
            # Also before the next batch: a collector in trouble is not pressed.
            self._hurry.wait(rest)
            if over:
                count_dropped("export_failed", spans)
                return
            pause *= 2

    def _attempt(self, body: bytes, spans: int) -> _Refusal | None:
        self._asked = time.monotonic()
        limit = self._asked + self._collector.timeout
        try:
            answer = post(self._collector, body, lambda: min(limit, self._end))
        except (OSError, HTTPException, ValueError) as error:
            return _Refusal(type(error).__name__)
        finally:
            self._asked = math.inf
        if answer.status not in _TAKEN:
            reason = f"status {answer.status}"
            return _Refusal(reason, answer.status not in _BUSY, _seconds(answer.retry_after))
        rejected = min(_rejected(answer), spans)
        count_dropped("rejected", rejected)
        count_exported(spans - rejected)
        self._outage.is_over()
        return None


def _rejected(answer: Answer) -> int:
    """Return how many spans of a batch that it took a collector does not want."""
    try:
        told = ExportTraceServiceResponse.FromString(answer.body)
    except DecodeError:
        return 0
    return max(int(told.partial_success.rejected_spans), 0)


def _seconds(retry_after: str) -> float:
    """Return a Retry-After in seconds; as a date it is taken for none, and our pauses hold."""
    return float(retry_after) if retry_after.isdecimal() and retry_after.isascii() else 0
