"""Statements on the clinic's database are measured, each with how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from assistant.clinic.records.engines import make_engine
from assistant.clinic.records.options import ClinicOptions
from assistant.telemetry.measures import Measures, open_metrics
from tests.conftest import may_block
from tests.telemetry.metrics_scene import samples


@pytest.fixture
def measures(no_blocking_calls: BlockBuster) -> Iterator[Measures]:
    with may_block(no_blocking_calls), open_metrics() as opened:
        yield opened


async def _tried(engine: AsyncEngine, *statements: str) -> None:
    try:
        async with engine.connect() as connection:
            for statement in statements:
                await connection.execute(text(statement))
    except DBAPIError:
        pass


async def test_statements_are_measured(measures: Measures, options: ClinicOptions) -> None:
    engine = make_engine(options)
    system = engine.dialect.name
    await _tried(engine, "SELECT 1", "select 2")
    await _tried(
        engine,
        "CREATE TEMPORARY TABLE once (n INTEGER PRIMARY KEY)",
        *("INSERT INTO once VALUES (1)", "INSERT INTO once VALUES (1)"),
    )
    if system == "postgresql":
        await _tried(engine, "SELECT 1 / 0")
        await _tried(engine, "SELECT * FROM pg_authid")
        await _tried(engine, "SELECT pg_terminate_backend(pg_backend_pid())")
    await engine.dispose()
    told, _ = await asyncio.to_thread(measures.render, "")
    found = samples([told.decode()])

    def count(operation: str, error: str = "") -> float:
        ended = f",error_type={error}" if error else ""
        labels = f"db_operation_name={operation},db_system_name={system}{ended}"
        return found.get(f"db_client_operation_duration_seconds_count{{{labels}}}", 0)

    assert count("SELECT") >= 2
    assert (count("INSERT"), count("INSERT", "constraint"), count("_OTHER")) == (1, 1, 1)
    if system == "postgresql":
        for error in ("data", "refused", "unavailable"):
            assert count("SELECT", error) == 1, error
    else:
        assert count("BEGIN") == 2
