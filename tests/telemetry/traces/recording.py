"""A pipeline of spans in this process, beside the process's own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from opentelemetry.context import Context
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits
from opentelemetry.trace import Tracer
from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings

from assistant.telemetry.traces import dropped, exported
from assistant.telemetry.traces.cleaning import Cleaner
from assistant.telemetry.traces.exporting import Exporter
from assistant.telemetry.traces.provider import provider_of
from assistant.telemetry.traces.queueing import Batching, SpanQueue
from tests.processes import free_port
from tests.telemetry.traces.collectors import collector_at

SOON = 10


@dataclass
class Pipeline:
    """What makes spans, what they wait in, and what sends them."""

    tracer: Tracer
    queue: SpanQueue
    exporter: Exporter

    def make(self, count: int, within: Context | None = None) -> None:
        for _ in range(count):
            self.tracer.start_span("work", within).end()

    async def close(self, seconds: float = 2) -> None:
        self.exporter.hurry(seconds * 0.75)
        await asyncio.to_thread(self.queue.close, seconds)


@asynccontextmanager
async def pipeline(
    url: str,
    *,
    most: int = 100,
    batch: int = 10,
    delay: float = 0.05,
    longest: int | None = None,
    **variables: object,
) -> AsyncIterator[Pipeline]:
    """Record spans and send them to a collector."""
    limits = SpanLimits(max_span_attribute_length=longest, max_attribute_length=longest)
    exporter = Exporter(collector_at(url, **variables), Cleaner(longest).clean)
    queue = SpanQueue(exporter.send, Batching(most, batch, delay))
    provider = provider_of(exporter, queue, limits, Resource.get_empty())
    made = Pipeline(provider.get_tracer("tests"), queue, exporter)
    try:
        yield made
    finally:
        await made.close()


class Counted:
    """What was counted since this began."""

    def __init__(self) -> None:
        self._dropped, self._exported = Counter(dropped()), exported()

    @property
    def dropped(self) -> dict[str, int]:
        return dict(Counter(dropped()) - self._dropped)

    @property
    def exported(self) -> int:
        return exported() - self._exported

    async def until(self, *, exported: int = 0, **lost: int) -> None:
        """Wait until so much is counted, and no more than that."""
        async with asyncio.timeout(SOON):
            while self.exported < exported or any(
                self.dropped.get(reason, 0) < count for reason, count in lost.items()
            ):
                await asyncio.sleep(0.01)
        assert (self.exported, self.dropped) == (exported, lost)


@dataclass
class Tap:
    """A receiver that is not ours, and the spans that it got."""

    base: str
    spans: list[Span]

    @property
    def url(self) -> str:
        return f"{self.base}/v1/traces"

    async def until(self, count: int) -> list[Span]:
        """Return the spans once there are so many."""
        async with asyncio.timeout(SOON):
            while len(self.spans) < count:
                await asyncio.sleep(0.01)
        return self.spans


@asynccontextmanager
async def tapping() -> AsyncIterator[Tap]:
    """Run a receiver of OTLP on the loopback."""
    port = free_port()
    settings = OtelTapHttpProtobufReceiverSettings(http_port=port)
    async with OtelTapHttpProtobufReceiver(settings) as receiver:
        tap = Tap(f"http://127.0.0.1:{port}", [])

        async def read() -> None:
            async for span in receiver.stream_traces():
                tap.spans.append(span)

        reading = asyncio.create_task(read())
        await asyncio.sleep(0)
        yield tap
        reading.cancel()
