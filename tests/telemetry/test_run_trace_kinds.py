"""What traces tell of runs that fail, are stopped or asked for in other ways."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.telemetry import conventions
from tests.telemetry.talks import MODEL, Stage, staged
from tests.telemetry.tap import Span

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]

FACTS = '[[tool: clinic_facts {"topic": "hours", "about": null}]]'


@pytest.fixture(scope="module", params=["chat", "responses"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Return a server's spans after all these talks, over each of the two protocols."""
    return asyncio.run(_talked(tmp_path_factory.mktemp("stage"), request.param))


async def _talked(folder: Path, api: str) -> Stage:
    async with staged(folder, OPENAI_API=api) as stage:
        await stage.say("again", "[[error: 503 times=1]] [[say: well]]")
        await stage.say("refused", "[[error: 400]]")
        await stage.say("broken", "[[cut: 2]] [[tokens: 5]]")
        await stage.say("unknown", "[[tool: no_such_tool]] [[then]] [[say: so]]")
        wrong = '[[tool: clinic_facts {"topic": "weather"}]] [[then]] [[say: so]]'
        await stage.say("misshapen", wrong, persona_type="ann")
        await stage.decide("yes", f"{FACTS} [[then]] [[say: yes]]", "approve")
        await stage.decide("no", f"{FACTS} [[then]] [[say: no]]", "reject")
        await stage.stop("stopped", "[[tokens: 9]] [[hold: 3]]")
        await stage.over_socket("socket", "[[say: hello]]")
        headers = {"Idempotency-Key": "one"}
        for _ in range(2):
            body = {"message": "[[say: once]]", "background": True, "session_id": "once"}
            async with stage.http.post("/chat", json=body, headers=headers) as response:
                stage.runs["once"] = (await response.json())["run_id"]
        await stage.all_told()
        await stage.tap.until(lambda: len(stage.tap.named("POST /chat")) >= 10)
    return stage


def _calls(stage: Stage, name: str) -> list[Span]:
    return stage.of(name, MODEL)


def _attempts(stage: Stage, name: str) -> list[Span]:
    return stage.of(name, "attempt")


def test_all_of_them_are_as_the_conventions_have_it(stage: Stage) -> None:
    kinds = tuple(f"{kind} " for kind in conventions.TABLES)
    spans = [span for span in stage.tap.spans if span.name.startswith(kinds)]
    assert len(spans) > 20
    assert [fault for span in spans for fault in conventions.faults(span)] == []


def test_each_try_of_a_model_call_has_a_span(stage: Stage) -> None:
    failed, made = _calls(stage, "again")
    assert (failed.failed, failed.attributes["error.type"]) == (True, "model_unavailable")
    assert failed.attributes["gen_ai.response.finish_reasons"] == ["error"]
    assert not made.failed
    assert failed.ended <= made.begun
    (attempt,) = _attempts(stage, "again")
    assert not attempt.failed


@pytest.mark.parametrize(("name", "code"), [("refused", "model_rejected"), ("broken", "model_cut")])
def test_why_an_answer_failed_is_on_all_spans_above(stage: Stage, name: str, code: str) -> None:
    (attempt,) = _attempts(stage, name)
    (agent,) = stage.of(name, "invoke_agent")
    for span in (*_calls(stage, name), agent, attempt):
        assert (span.failed, span.attributes["error.type"]) == (True, code), span
    assert attempt.attributes["assistant.outcome"] == "failed"


def test_a_tool_that_is_not_there_has_no_span(stage: Stage) -> None:
    assert stage.of("unknown", "execute_tool") == []
    assert len(_calls(stage, "unknown")) == 2


def test_a_call_with_wrong_arguments_says_so(stage: Stage) -> None:
    (tool,) = stage.of("misshapen", "execute_tool")
    assert (tool.failed, tool.attributes["error.type"]) == (True, "invalid_arguments")


def test_a_decision_is_linked(stage: Stage) -> None:
    before, after = _attempts(stage, "yes")
    (decided,) = [
        s
        for s in stage.tap.spans
        if s.name.endswith("/approvals/{call_id}") and (s.trace_id, s.span_id) in after.links
    ]
    assert after.links == [(before.trace_id, before.span_id), (decided.trace_id, decided.span_id)]
    assert (before.attributes["assistant.outcome"], before.trace_id) == ("waiting", after.trace_id)
    assert after.attributes["assistant.resumed"] is True
    (tool,) = stage.of("yes", "execute_tool")
    assert (tool.attributes["assistant.tool.outcome"], tool.failed) == ("ok", False)


def test_what_was_declined_was_not_done(stage: Stage) -> None:
    assert stage.of("no", "execute_tool") == []
    _, after = _attempts(stage, "no")
    assert after.events == ["assistant.tool.declined"]


def test_what_was_stopped_has_ended_and_has_not_failed(stage: Stage) -> None:
    (attempt,) = _attempts(stage, "stopped")
    (agent,) = stage.of("stopped", "invoke_agent")
    (call,) = _calls(stage, "stopped")
    assert attempt.attributes["assistant.outcome"] == "cancelled"
    assert [span.failed for span in (attempt, agent, call)] == [False] * 3
    assert call.ended <= agent.ended <= attempt.ended


def test_a_message_of_a_socket_has_a_trace_of_its_own(stage: Stage) -> None:
    (asked,) = stage.tap.named("chat_message")
    (socket,) = stage.tap.named("GET /ws/{session_id}")
    (attempt,) = _attempts(stage, "socket")
    assert (asked.kind, asked.parent_id) == ("SERVER", "")
    assert asked.links == [(socket.trace_id, socket.span_id)]
    assert asked.trace_id != socket.trace_id
    assert attempt.parent_id == asked.span_id


def test_tracing_has_nothing_to_complain_of(stage: Stage) -> None:
    lines = stage.log.read_text("utf-8").splitlines()
    assert len(lines) > 20
    assert [line for line in lines if "opentelemetry" in line or "trace processor" in line] == []


def test_a_retry_is_linked_to_the_run_that_answers(stage: Stage) -> None:
    first, second = (s for s in stage.of("once", "POST /chat"))
    assert second.links == [(first.trace_id, first.span_id)]
    assert second.trace_id != first.trace_id
