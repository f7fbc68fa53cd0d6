"""A worker that loses its lease ends its spans; then nothing of the trace is missing."""

from __future__ import annotations

import asyncio

import pytest

from tests.telemetry import conventions
from tests.telemetry.relay import CALLER, OUTCOME, TRACE, Relay, relayed
from tests.telemetry.tap import Span, Tap

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def tap(tmp_path_factory: pytest.TempPathFactory) -> Tap:
    """Return the spans of a run that was taken over from a worker that was only away."""
    relay: Relay = asyncio.run(relayed(tmp_path_factory.mktemp("frozen"), frozen=True))
    assert relay.run["status"] == "completed", relay.run
    return relay.tap


def _attempts(tap: Tap) -> list[Span]:
    return tap.named("attempt")


def test_every_parent_is_there(tap: Tap) -> None:
    known = {span.span_id for span in tap.spans} | {CALLER, ""}
    assert [span for span in tap.spans if span.parent_id not in known] == []


def test_the_attempts_make_a_chain(tap: Tap) -> None:
    first, lost, last = _attempts(tap)
    outcomes = [attempt.attributes[OUTCOME] for attempt in (first, lost, last)]
    assert outcomes == ["waiting", "left", "completed"]
    (decided,) = tap.named("POST /runs/{run_id}/approvals/{call_id}")
    assert first.links == []
    assert lost.links == [(TRACE, first.span_id), (decided.trace_id, decided.span_id)]
    assert last.links == [(TRACE, lost.span_id)]
    assert {attempt.trace_id for attempt in (first, lost, last)} == {TRACE}
    assert decided.trace_id != TRACE
    assert last.begun < lost.ended, "it came to when another was at work"


def test_what_was_cut_off_has_ended_and_has_not_failed(tap: Tap) -> None:
    _, lost, _ = _attempts(tap)
    (agent,) = [s for s in tap.named("invoke_agent ann") if s.parent_id == lost.span_id]
    (call,) = [s for s in tap.named("chat gpt-5-mini") if s.parent_id == agent.span_id]
    assert [span.failed for span in (lost, agent, call)] == [False] * 3
    assert call.attributes["gen_ai.response.finish_reasons"] == ["error"]
    for span in tap.spans:
        if span.name.startswith(("invoke_agent", "chat", "execute_tool")):
            assert conventions.faults(span) == []


def test_a_tool_that_was_done_is_not_done_again(tap: Tap) -> None:
    (tool,) = tap.named("execute_tool clinic_facts")
    _, lost, _ = _attempts(tap)
    assert tool.attributes["assistant.attempt"] == lost.attributes["assistant.attempt"]
