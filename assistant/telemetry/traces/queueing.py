"""The queue between those who end spans and the one thread that sends them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event, Thread

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from typing_extensions import override

from assistant.telemetry.traces.tally import count_dropped


@dataclass(frozen=True, slots=True)
class Batching:
    """How spans wait: how many at most, how many go at once, and seconds until they go."""

    most: int
    batch: int
    delay: float


class SpanQueue(SpanProcessor):
    """Holds ended spans for one thread, which hands them on in batches.

    Who ends a span never waits: when the queue is full, the span is dropped and counted. A process
    that is forked has no thread of its own for it; it forks first and opens its traces then.

    Args:
        send: takes a batch, in the queue's thread, for as long as it likes; must not raise.
        batching: sizes and pace.
    """

    def __init__(self, send: Callable[[Sequence[ReadableSpan]], None], batching: Batching) -> None:
        self._send = send
        self._batching = batching
        self._spans: deque[ReadableSpan] = deque()
        self._sending = 0
        self._wake = Event()
        self._closing = False
        self._abandoned = False
        self._thread = Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def is_full(self) -> bool:
        """Return whether the next span would be dropped."""
        return len(self._spans) >= self._batching.most

    def has_a_batch(self) -> bool:
        """Return whether a whole batch waits."""
        return len(self._spans) >= self._batching.batch

    @override
    def on_end(self, span: ReadableSpan) -> None:
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if self._closing:
            count_dropped("at_exit")
        elif self.is_full():
            count_dropped("queue_full")
        else:
            self._spans.append(span)
            if self.has_a_batch() and not self._wake.is_set():
                self._wake.set()

    def close(self, seconds: float) -> None:
        """Send what waits for at most so long; count the rest as dropped."""
        if self._closing:
            return
        self._closing = True
        self._wake.set()
        self._thread.join(seconds)
        self._abandoned = True
        count_dropped("at_exit", self._sending + len(self._spans))

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(self._batching.delay)
            self._wake.clear()
            self._send_all()
        # What came while the last batch went.
        self._send_all()

    def _send_all(self) -> None:
        while self._spans and not self._abandoned:
            size = min(len(self._spans), self._batching.batch)
            batch = [self._spans.popleft() for _ in range(size)]
            self._sending = size
            self._send(batch)
            self._sending = 0
