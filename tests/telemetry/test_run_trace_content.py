"""What was said is on spans only where that is asked for, in the conventions' shapes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.telemetry import conventions
from tests.telemetry.talks import MODEL, Stage, staged

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]

SAID = "Where is the Quincebrook clinic?"
FACTS = '[[tool: clinic_facts {"topic": "locations", "about": null}]]'


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Return a server's spans where content is captured."""
    return asyncio.run(_talked(tmp_path_factory.mktemp("told")))


async def _talked(folder: Path) -> Stage:
    asked = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"}
    async with staged(folder, **asked) as stage:
        talk = f"{FACTS} [[then]] [[say: In Linden Street]] {SAID} {'long ' * 2000}"
        await stage.decide("told", talk, "approve")
        await stage.all_told()
    return stage


def _read(stage: Stage, which: int, name: str) -> Any:
    return conventions.parsed(stage.of("told", MODEL)[which].attributes[name])


def test_content_is_where_and_as_the_conventions_have_it(stage: Stage) -> None:
    kinds = tuple(f"{kind} " for kind in conventions.TABLES)
    spans = [span for span in stage.of("told") if span.name.startswith(kinds)]
    assert [fault for span in spans for fault in conventions.faults(span, told=True)] == []
    assert {s.name for s in stage.of("told") if SAID.encode() in s.raw} == {MODEL}


def test_what_went_to_the_model(stage: Stage) -> None:
    (system,) = _read(stage, 0, "gen_ai.system_instructions")
    assert system == {"type": "text", "content": "Be brief."}
    asked, call, answer = _read(stage, 1, "gen_ai.input.messages")
    assert (asked["role"], asked["parts"][0]["type"]) == ("user", "text")
    assert SAID in asked["parts"][0]["content"]
    assert (call["role"], call["parts"][0]["type"]) == ("assistant", "tool_call")
    assert call["parts"][0]["arguments"] == {"topic": "locations", "about": None}
    assert (answer["role"], answer["parts"][0]["type"]) == ("tool", "tool_call_response")
    assert answer["parts"][0]["id"] == call["parts"][0]["id"]


def test_what_came_of_it(stage: Stage) -> None:
    (made,) = _read(stage, 1, "gen_ai.output.messages")
    assert made == {
        "role": "assistant",
        "parts": [{"type": "text", "content": "In Linden Street"}],
    }
    (tool,) = stage.of("told", "execute_tool")
    given = conventions.parsed(tool.attributes["gen_ai.tool.call.arguments"])
    assert given == {"topic": "locations", "about": None}
    assert tool.attributes["gen_ai.tool.call.result"]


def test_content_is_bounded(stage: Stage) -> None:
    (asked, *_) = _read(stage, 0, "gen_ai.input.messages")
    assert len(asked["parts"][0]["content"]) < 8_100
    assert "characters left out" in asked["parts"][0]["content"]
