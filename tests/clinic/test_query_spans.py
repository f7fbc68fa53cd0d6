"""Spans of queries: what was asked of the database, never what was bound, nor its own words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.clinic.records.engines import make_engine
from assistant.clinic.records.options import ClinicOptions
from assistant.clinic.records.spans import Watcher
from tests.clinic.house import House

SECRET = "Ottoline Cranwell"
# PostgreSQL repeats what it could not read.
ILL = {
    "sqlite": "SELECT json(:name)",
    "postgresql": "SELECT CAST(CAST(:name AS text) AS integer)",
}


@pytest.fixture
def seen() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
async def engine(
    house: House, options: ClinicOptions, seen: InMemorySpanExporter
) -> AsyncIterator[AsyncEngine]:
    """Return a watched engine on each of the two databases."""
    assert house is not None
    made = await asyncio.to_thread(make_engine, options)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(seen))
    Watcher(provider.get_tracer("test"), made.sync_engine)
    yield made
    await made.dispose()


async def test_a_query_that_fails_says_what_kind_of_fault(
    engine: AsyncEngine, seen: InMemorySpanExporter
) -> None:
    bound = {"name": SECRET}
    async with engine.connect() as connection:
        await connection.execute(text("SELECT CAST(:name AS text)"), bound)
        with pytest.raises(DBAPIError):
            await connection.execute(text(ILL[engine.dialect.name]), bound)
    spans = seen.get_finished_spans()
    well, ill = [span for span in spans if span.name == "SELECT"]
    assert (well.status.is_ok, ill.status.is_ok) == (True, False)
    assert ill.status.description is None
    assert (ill.attributes or {})["error.type"]
    for span in spans:
        assert SECRET not in str(span.to_json())
        assert "/" not in str(span.to_json()).replace('"/"', ""), "no path of a file"
