"""Spans arrive where they can; where they cannot, they are counted, and nobody waits for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, MutableMapping
from threading import active_count
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from opentelemetry.trace import SpanKind
from structlog.testing import capture_logs

from assistant import tracing
from tests.processes import free_port
from tests.telemetry.traces.collectors import HOSTILE, behaving, silent, status, well
from tests.telemetry.traces.recording import SOON, Counted, pipeline, tapping

Lines = list[MutableMapping[str, Any]]


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def logged() -> Iterator[Lines]:
    with capture_logs() as lines:
        yield lines


async def test_spans_arrive_in_batches_with_the_facts_of_their_context(counted: Counted) -> None:
    async with tapping() as tap, pipeline(tap.url) as made:
        made.make(37, tracing.with_facts({tracing.RUN_ID: "run_1", tracing.ATTEMPT: 2}))
        spans = await tap.until(37)
    await counted.until(exported=37)
    assert len({span.span_id for span in spans}) == 37
    for span in spans:
        facts = {fact.key: fact.value for fact in span.attributes}
        assert facts[tracing.RUN_ID].string_value == "run_1"
        assert facts[tracing.ATTEMPT].int_value == 2


async def test_what_waits_at_the_end_is_sent(counted: Counted) -> None:
    async with tapping() as tap:
        async with pipeline(tap.url, delay=3600) as made:
            made.make(7)
        assert len(await tap.until(7)) == 7
    await counted.until(exported=7)


async def test_a_collector_that_is_busy_is_asked_again(counted: Counted, logged: Lines) -> None:
    async with behaving(status("503 Busy"), well) as fake, pipeline(fake.url) as made:
        made.make(3)
        await counted.until(exported=3)
        assert fake.calls == 2
    assert [line["event"] for line in logged] == [
        "traces.export.failing",
        "traces.export.recovered",
    ]
    assert {line["log_level"] for line in logged} == {"warning"}
    assert logged[0]["reason"] == "status 503"
    assert logged[1]["dropped"] == 0


async def test_what_is_refused_for_good_is_dropped_at_once(counted: Counted) -> None:
    async with behaving(status("400 No"), well) as fake, pipeline(fake.url) as made:
        made.make(3)
        await counted.until(export_failed=3)
        made.make(2)
        await counted.until(exported=2, export_failed=3)
        assert fake.calls == 2


async def test_what_a_collector_rejects_of_a_batch_is_counted(counted: Counted) -> None:
    told = ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=2)
    ).SerializeToString()
    async with behaving(status("200 OK", body=told)) as fake, pipeline(fake.url) as made:
        made.make(5)
        await counted.until(exported=3, rejected=2)


async def test_a_body_of_nonsense_does_not_undo_a_success(counted: Counted) -> None:
    async with behaving(status("200 OK", body=b"\xff" * 1000)) as fake, pipeline(fake.url) as made:
        made.make(5)
        await counted.until(exported=5)


@pytest.mark.parametrize("asked", ["1e9", "1000000000", "-1", "soon", "²"])
async def test_a_collector_cannot_ask_for_a_rest_without_end(counted: Counted, asked: str) -> None:
    busy = status("429 Later", f"Retry-After: {asked}")
    async with (
        behaving(busy) as fake,
        pipeline(fake.url, OTEL_BSP_EXPORT_TIMEOUT=10) as made,
    ):
        made.make(1)
        await fake.came.wait()
        begun = time.monotonic()
        await made.close()
        assert time.monotonic() - begun < 2
    await counted.until(export_failed=1)


@pytest.mark.parametrize("name", HOSTILE)
async def test_the_process_ends_in_time_whatever_the_collector_does(
    counted: Counted, name: str
) -> None:
    async with behaving(HOSTILE[name]) as fake, pipeline(fake.url, most=20, batch=5) as made:
        made.make(40)
        await fake.came.wait()
        begun = time.monotonic()
        await made.close(0.5)
        assert time.monotonic() - begun < 1.5
        made.make(1)
    lost = counted.dropped
    assert counted.exported == 0
    assert sum(lost.values()) == 41, lost


async def test_ending_a_span_never_waits_and_the_queue_does_not_grow(counted: Counted) -> None:
    async with behaving(silent) as fake, pipeline(fake.url, most=50, batch=10) as made:
        made.make(10)
        await fake.came.wait()
        threads = active_count()
        begun = [made.tracer.start_span("begun before") for _ in range(200)]
        started = time.process_time()
        for span in begun:
            span.end()
        made.make(5000)
        assert time.process_time() - started < 2
        assert active_count() == threads
        # New traces are not even recorded while nothing more can wait for the collector.
        assert counted.dropped == {"queue_full": 150, "not_begun": 5000}
        await made.close(0.1)


async def test_in_an_outage_a_batch_waits_and_no_more_is_recorded(counted: Counted) -> None:
    busy = status("503 Busy")
    async with behaving(busy, well) as fake, pipeline(fake.url, most=1000, batch=10) as made:
        made.make(10)
        async with asyncio.timeout(SOON):
            while not made.exporter.is_stuck():
                await asyncio.sleep(0.01)
        made.make(500)
        assert counted.dropped == {"not_begun": 490}
        await counted.until(exported=20, not_begun=490)
        made.make(5)
        await counted.until(exported=25, not_begun=490)


async def test_nobody_there_is_told_once(counted: Counted, logged: Lines) -> None:
    url = f"http://127.0.0.1:{free_port()}/v1/traces"
    async with pipeline(url, OTEL_BSP_EXPORT_TIMEOUT=1, batch=1) as made:
        for _ in range(3):
            made.make(1)
        await counted.until(export_failed=3)
    assert [(line["event"], line["reason"]) for line in logged] == [
        ("traces.export.failing", "ConnectionRefusedError")
    ]


async def test_a_span_that_cannot_be_sent_costs_no_other(counted: Counted) -> None:
    async with tapping() as tap, pipeline(tap.url, delay=0.2) as made:
        made.make(2)
        made.tracer.start_span("before time", start_time=-1).end()
        made.make(2)
        await counted.until(exported=4, invalid=1)
        await tap.until(4)


async def test_calls_of_background_loops_are_not_recorded(counted: Counted) -> None:
    async with tapping() as tap, pipeline(tap.url) as made:
        made.tracer.start_span("HSET", kind=SpanKind.CLIENT).end()
        with made.tracer.start_as_current_span("request", kind=SpanKind.SERVER):
            made.tracer.start_span("GET", kind=SpanKind.CLIENT).end()
        await counted.until(exported=2)
        assert {span.name for span in await tap.until(2)} == {"request", "GET"}
