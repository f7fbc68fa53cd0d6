"""What an OTLP receiver that is not ours was sent, as spans one can ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent
from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings

from tests.processes import free_port

_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_FAILED = 2
_LATE = 20


@dataclass(frozen=True)
class Span:
    """One span as it was received; ids are hexadecimal, times nanoseconds."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    begun: int
    ended: int
    failed: bool
    attributes: dict[str, Any]
    links: list[tuple[str, str]]
    events: list[str]
    raw: bytes = field(repr=False)

    @classmethod
    def of(cls, sent: Sent) -> Span:
        return cls(
            name=sent.name,
            kind=_KINDS[sent.kind],
            trace_id=sent.trace_id.hex(),
            span_id=sent.span_id.hex(),
            parent_id=sent.parent_span_id.hex(),
            begun=sent.start_time_unix_nano,
            ended=sent.end_time_unix_nano,
            failed=sent.status.code == _FAILED,
            attributes={one.key: _value(one.value) for one in sent.attributes},
            events=[event.name for event in sent.events],
            links=[(link.trace_id.hex(), link.span_id.hex()) for link in sent.links],
            raw=sent.SerializeToString(),
        )


class Tap:
    """A receiver and what it has got."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.spans: list[Span] = []
        self.came = asyncio.Event()

    @property
    def settings(self) -> dict[str, object]:
        """What has a process send its spans here, almost at once."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_BSP_SCHEDULE_DELAY": 50}

    def named(self, name: str) -> list[Span]:
        """Return the spans of a name, in the order in which they began."""
        return sorted((s for s in self.spans if s.name == name), key=lambda span: span.begun)

    def children(self, parent: Span) -> list[str]:
        """Return the names of a span's children, in the order in which they began."""
        found = [span for span in self.spans if span.parent_id == parent.span_id]
        return [span.name for span in sorted(found, key=lambda span: span.begun)]

    async def until(self, true: Callable[[], object]) -> None:
        """Wait until what came is enough."""
        async with asyncio.timeout(_LATE):
            while not true():
                self.came.clear()
                await self.came.wait()


@asynccontextmanager
async def tapped() -> AsyncIterator[Tap]:
    """Receive spans while the context lasts."""
    tap = Tap(port := free_port())
    settings = OtelTapHttpProtobufReceiverSettings(http_port=port, listen_on_all_interfaces=False)
    async with OtelTapHttpProtobufReceiver(settings) as receiver:

        async def listen() -> None:
            async for sent in receiver.stream_traces():
                tap.spans.append(Span.of(sent))
                tap.came.set()

        listening = asyncio.create_task(listen())
        try:
            yield tap
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    return getattr(value, kind or "string_value")
