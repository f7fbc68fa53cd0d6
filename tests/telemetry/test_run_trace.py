"""One run, one trace: a hand-over, two tools, an approval and a worker's death included."""

from __future__ import annotations

import asyncio

import pytest

from tests.telemetry import conventions
from tests.telemetry.relay import CALLER, CORRELATION, OUTCOME, SECRET, TRACE, Relay, relayed
from tests.telemetry.tap import Span, Tap

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]

GEN_AI = ("invoke_agent", "chat", "execute_tool")


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Relay:
    """Return a run that has been through everything, with its spans."""
    return asyncio.run(relayed(tmp_path_factory.mktemp("relay")))


@pytest.fixture
def tap(relay: Relay) -> Tap:
    return relay.tap


def _of_run(tap: Tap) -> list[Span]:
    return [span for span in tap.spans if span.trace_id == TRACE]


def _one(tap: Tap, name: str, **wanted: object) -> Span:
    found = [s for s in tap.named(name) if all(s.attributes.get(k) == v for k, v in wanted.items())]
    (span,) = found
    return span


def test_the_run_is_one_trace_that_its_caller_began(relay: Relay, tap: Tap) -> None:
    assert relay.run["status"] == "completed", relay.run
    assert relay.run["trace_id"] == TRACE
    asked = _one(tap, "POST /chat")
    assert (asked.kind, asked.trace_id, asked.parent_id) == ("SERVER", TRACE, CALLER)
    names = {span.name for span in _of_run(tap)}
    made = {name for name in names if name.startswith(GEN_AI)}
    assert made >= {"invoke_agent desk", "chat gpt-5-mini", "execute_tool clinic_facts"}
    elsewhere = {s.name for s in tap.spans if s.trace_id != TRACE and s.name.startswith(GEN_AI)}
    assert elsewhere == set(), "every agent, call and tool belongs to the run's trace"


def test_parents_are_right(tap: Tap) -> None:
    asked = _one(tap, "POST /chat")
    first = _one(tap, "attempt", **{OUTCOME: "waiting"})
    last = _one(tap, "attempt", **{OUTCOME: "completed"})
    assert (first.parent_id, last.parent_id) == (asked.span_id, asked.span_id)
    assert (first.kind, last.kind) == ("CONSUMER", "CONSUMER")
    ours = [n for n in tap.children(first) if not n.isupper() and not n.startswith("EVALSHA")]
    assert ours == ["queue", "invoke_agent desk", "invoke_agent ann"]
    desk = _one(tap, "invoke_agent desk")
    told = [n for n in tap.children(desk) if n.startswith(GEN_AI)]
    assert told == ["chat gpt-5-mini", "execute_tool current_time", "chat gpt-5-mini"]
    assert desk.kind == "INTERNAL"
    facts = _one(tap, "execute_tool clinic_facts")
    assert tap.children(facts)[0] == "BEGIN"
    assert "SELECT" in tap.children(facts)


def test_only_what_the_dead_worker_had_not_ended_is_missing(tap: Tap) -> None:
    last = _one(tap, "attempt", **{OUTCOME: "completed"})
    known = {span.span_id for span in tap.spans} | {CALLER}
    orphans = [s for s in _of_run(tap) if s.parent_id and s.parent_id not in known]
    dead = _one(tap, "execute_tool clinic_facts").parent_id
    killed = {target for _, target in last.links}
    assert {span.parent_id for span in orphans} == {dead} | killed
    assert {s.name for s in orphans if s.parent_id in killed} >= {"queue"}


def test_attempts_are_linked_to_what_they_go_on_from(tap: Tap) -> None:
    first = _one(tap, "attempt", **{OUTCOME: "waiting"})
    last = _one(tap, "attempt", **{OUTCOME: "completed"})
    decided = _one(tap, "POST /runs/{run_id}/approvals/{call_id}")
    assert first.links == []
    assert last.attributes["assistant.taken_over"] is True
    assert last.attributes["assistant.attempt"] == 2
    # The one that was killed goes on from the first and from the decision, and is gone itself.
    ((trace, killed),) = last.links
    assert trace == TRACE
    assert killed not in {first.span_id, last.span_id, decided.span_id}
    for reader in tap.named("GET /runs/{run_id}"):
        assert reader.links == [(TRACE, _one(tap, "POST /chat").span_id)]
        assert reader.trace_id != TRACE


def test_every_attribute_is_as_the_conventions_have_it(tap: Tap) -> None:
    spans = [span for span in tap.spans if span.name.startswith(GEN_AI)]
    assert [fault for span in spans for fault in conventions.faults(span)] == []
    desk = _one(tap, "invoke_agent desk")
    asked = next(s for s in tap.named("chat gpt-5-mini") if s.parent_id == desk.span_id)
    for span in (desk, asked):
        assert span.attributes["gen_ai.request.temperature"] == 0.5
        assert span.attributes["gen_ai.request.top_p"] == 0.9
    assert asked.attributes["gen_ai.provider.name"] == "openai"
    assert asked.attributes["gen_ai.response.finish_reasons"] == ["tool_call"]
    assert asked.attributes["openai.api.type"] == "chat_completions"


def test_every_span_of_the_run_says_whose_it_is(relay: Relay, tap: Tap) -> None:
    run = relay.run
    for span in _of_run(tap):
        facts = {
            "assistant.correlation_id": CORRELATION,
            "assistant.run.id": run["run_id"],
            "assistant.persona.version": run["persona_version"],
            "gen_ai.conversation.id": run["session_id"],
        }
        assert facts.items() <= span.attributes.items(), span
        assert span.attributes["assistant.attempt"] in {1, 2}, span


def test_tokens_of_an_agent_are_those_of_its_calls(tap: Tap) -> None:
    desk = _one(tap, "invoke_agent desk")
    calls = [s for s in tap.named("chat gpt-5-mini") if s.parent_id == desk.span_id]
    for kind in ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"):
        assert desk.attributes[kind] == sum(call.attributes[kind] for call in calls) > 0


def test_the_model_is_sent_the_place_of_its_call(relay: Relay, tap: Tap) -> None:
    sent = [request["headers"].get("traceparent", "").split("-") for request in relay.asked]
    calls = {span.span_id for span in tap.named("chat gpt-5-mini")}
    assert {trace for _, trace, _, _ in sent} == {TRACE}
    # The call that its process did not survive has no span.
    assert len({span for _, _, span, _ in sent} - calls) == 1
    assert calls <= {span for _, _, span, _ in sent}
    for headers in ({k.lower(): v for k, v in sent["headers"].items()} for sent in relay.asked):
        assert headers["x-correlation-id"] == CORRELATION
        assert "baggage" not in headers


def test_waiting_has_a_span_from_when_it_was_queued(tap: Tap) -> None:
    for attempt in tap.named("attempt"):
        (queue,) = [s for s in tap.named("queue") if s.parent_id == attempt.span_id]
        assert queue.begun <= queue.ended <= attempt.ended
    again = [s for s in tap.named("queue") if s.attributes["assistant.attempt"] == 2]
    asked = _one(tap, "POST /chat")
    assert all(queue.begun > asked.ended for queue in again)


def test_spans_hold_nothing_of_what_was_said(tap: Tap) -> None:
    for span in tap.spans:
        assert SECRET.encode() not in span.raw, span.name
        assert b"Ottoline" not in span.raw, span.name


def test_nothing_that_goes_on_by_itself_makes_spans(tap: Tap) -> None:
    alone = {s.name for s in tap.spans if not s.parent_id and s.kind == "CLIENT"}
    assert alone == set()
    scripts = {span.name for span in tap.spans if span.name.startswith("EVALSHA")}
    assert scripts.isdisjoint({"EVALSHA append", "EVALSHA renew", "EVALSHA reap"})
    assert not tap.named("XRANGE")
