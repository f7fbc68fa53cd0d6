"""Everything is seen without a key: the demo model's runs are traced like any other's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests import client
from tests.conftest import DATA
from tests.telemetry import conventions
from tests.telemetry.talks import Stage, staged

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]

AGENTS = DATA.parents[1] / "agents"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Return the spans of a server as it comes, after one conversation."""
    return asyncio.run(_talked(tmp_path_factory.mktemp("demo")))


async def _talked(folder: Path) -> Stage:
    demo = {"MODEL_PROVIDER": "demo", "AGENTS_DIR": AGENTS, "DEFAULT_PERSONA": "web_assistant"}
    async with staged(folder, **demo) as stage:
        await stage.say("hours", "When are you open?")
        await client.follow(stage.http, stage.runs["hours"])
        async with stage.http.get("/health") as response:
            assert response.status == 200
        await stage.all_told()
        stage.runs["unsampled"] = await _unsampled(stage)
        await stage.tap.until(lambda: stage.tap.named("GET /runs/{run_id}/events"))
    return stage


async def _unsampled(stage: Stage) -> str:
    """Have a message answered whose caller does not want it recorded."""
    headers = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-00", **client.JSON}
    async with stage.http.post("/chat", json={"message": "Hello"}, headers=headers) as response:
        run_id = str((await response.json())["run_id"])
    async with stage.http.get(f"/runs/{run_id}") as response:
        assert (await response.json())["trace_id"] is None
    return run_id


def test_who_asked_for_no_record_has_none(stage: Stage) -> None:
    made = {span.name for span in stage.of("unsampled")}
    assert all(name in {"GET /runs/{run_id}", "HGETALL", "HVALS"} for name in made), made
    assert stage.tap.named("POST /chat")[0].trace_id != "a" * 32


def test_the_demo_models_spans_are_as_the_conventions_have_it(stage: Stage) -> None:
    spans = [
        span
        for kind in ("invoke_agent ", "chat ", "execute_tool ")
        for span in stage.of("hours", kind)
    ]
    names = {span.name for span in spans}
    assert names == {"invoke_agent web_assistant", "chat demo", "execute_tool clinic_facts"}
    assert [fault for span in spans for fault in conventions.faults(span)] == []


def test_queries_belong_to_their_tool(stage: Stage) -> None:
    (tool,) = stage.of("hours", "execute_tool")
    queries = [span for span in stage.tap.spans if span.parent_id == tool.span_id]
    assert {"BEGIN", "SELECT", "INSERT"} <= {span.name for span in queries}
    assert {span.attributes["db.system.name"] for span in queries} == {"sqlite"}
    assert {span.attributes["db.namespace"] for span in queries} == {"clinic.db"}


def test_commands_of_the_store_say_what_they_do_and_with_nothing(stage: Stage) -> None:
    commands = [s for s in stage.tap.spans if s.attributes.get("db.system.name") == "redis"]
    assert {"EVALSHA accept", "EVALSHA finish"} <= {span.name for span in commands}
    for span in commands:
        words = span.attributes["db.query.text"].split()
        assert set(words[2:]) <= {"?"}, words
        assert span.attributes["db.operation.name"] in span.name
        assert b"When are you open" not in span.raw


def test_a_reader_is_linked_and_its_reads_are_not_told(stage: Stage) -> None:
    (asked,) = stage.tap.named("POST /chat")
    (reader,) = stage.tap.named("GET /runs/{run_id}/events")
    assert reader.links == [(asked.trace_id, asked.span_id)]
    assert not {"XRANGE", "XREVRANGE"} & {span.name for span in stage.tap.spans}


def test_looking_after_health_is_not_told(stage: Stage) -> None:
    health = {span.span_id for span in stage.tap.named("GET /health")}
    below = [s.name for s in stage.tap.spans if s.parent_id in health]
    assert not {"PING", "SELECT"} & set(below)
