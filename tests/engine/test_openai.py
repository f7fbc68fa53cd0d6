"""The whole server on a model that speaks OpenAI's protocols: answers, tools, layouts of bytes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from assistant.errors import SettingsError
from tests.client import begin, follow, text_of
from tests.conftest import MakeServer
from tests.engine.conftest import MakeTalk
from tests.engine.talks import Talk, Told
from tests.loglines import Written
from tests.personas import folders

PLAIN = ["run.started", "message.started", "message.delta", "message.completed", "run.completed"]
TOOL_STEP = ["tool.called", "tool.returned"]


async def test_plain_text(talk: Talk) -> None:
    told = await talk.say("hello there")
    assert told.types == PLAIN
    assert told.text == told.end["text"] == "turn 1: hello there"
    assert [frame.data["content"] for frame in told.frames if frame.data["content"]]
    assert told.end["usage"]["output_tokens"] == 4
    assert told.end["usage"]["requests"] == 1
    assert await talk.history() == [
        ("user", "completed", "hello there"),
        ("assistant", "completed", "turn 1: hello there"),
    ]


async def test_history_is_sent_with_each_turn_as_far_as_the_persona_remembers(talk: Talk) -> None:
    answers = [(await talk.say(f"number {n}")).text for n in range(1, 6)]
    # `memory_turns` is 3, and the turn itself comes on top.
    assert answers == [f"turn {min(n, 4)}: number {n}" for n in range(1, 6)]


async def test_a_tool_is_called_and_its_result_used(talk: Talk) -> None:
    told = await talk.say('[[tool: echo {"text": "Grüße 👋"}]]')
    assert told.types == [*PLAIN[:1], *TOOL_STEP, *PLAIN[1:]]
    assert told.text == "echo said: Grüße 👋"
    (called,), (returned,) = told.of("tool.called"), told.of("tool.returned")
    assert called["arguments"] == {"text": "Grüße 👋"}
    assert called["call_id"] == returned["call_id"]
    assert called["call_id"].startswith("call_")
    assert (returned["outcome"], returned["result"]) == ("ok", "Grüße 👋")
    assert told.end["usage"]["requests"] == 2
    assert (await talk.say("and then")).text == "turn 2: and then"


async def test_the_built_in_tool(talk: Talk) -> None:
    told = await talk.say("[[tool: current_time {}]]")
    assert told.text.startswith("current_time said: ")
    assert told.text.endswith("UTC")


async def test_a_tool_that_raises_is_an_outcome_and_no_failure(log: Written, talk: Talk) -> None:
    told = await talk.say('[[tool: breaks {"text": "Bluebeard"}]]')
    assert told.types[-1] == "run.completed"
    assert told.of("tool.returned")[0]["outcome"] == "error"
    assert "The tool failed" in told.text
    assert "Bluebeard" not in told.text + str(told.of("tool.returned")) + log.text
    assert [line["tool"] for line in log.lines if line["event"] == "tool.failed"] == ["breaks"]
    assert (await talk.say("go on")).text == "turn 2: go on"


async def test_tools_in_parallel_after_words(talk: Talk) -> None:
    told = await talk.say(
        '[[say: I look.]] [[tool: echo {"text": "a"}]] [[tool: breaks {}]] '
        '[[tool: echo {"text": "b"}]] [[then]] [[say: Done.]]'
    )
    assert told.text == told.end["text"] == "I look.\n\nDone."
    assert told.types[:4] == PLAIN[:4]
    assert sorted(told.types[4:10]) == sorted(TOOL_STEP * 3)
    assert told.types[10:] == PLAIN[1:]
    outcomes = {r["call_id"]: r["outcome"] for r in told.of("tool.returned")}
    named = {c["name"]: outcomes[c["call_id"]] for c in told.of("tool.called")}
    assert named == {"echo": "ok", "breaks": "error"}
    assert len(outcomes) == 3
    assert (await talk.say("next")).text == "turn 2: next"


async def test_a_tool_nobody_has_is_told_to_the_model(talk: Talk) -> None:
    told = await talk.say("[[tool: launch_rocket {}]] [[then]] [[say: Sorry.]]")
    assert (told.text, told.end["type"]) == ("Sorry.", "run.completed")
    outcomes = {r["outcome"] for r in told.of("tool.returned")}
    assert len(told.of("tool.called")) == len(told.of("tool.returned"))
    assert outcomes <= {"error"}
    assert (await talk.say("again")).text.endswith(": again")


async def test_more_steps_than_the_persona_allows(talk: Talk) -> None:
    told = await talk.say(" [[then]] ".join(['[[tool: echo {"text": "x"}]]'] * 5))
    assert told.end["error"] == "too_many_steps"
    assert len(told.of("tool.returned")) == 4


@pytest.mark.parametrize("layout", ["[[split]]", "[[keepalive]]", "[[crlf]]"])
async def test_bytes_may_be_laid_out_in_any_way(talk: Talk, layout: str) -> None:
    words = "Café à Zürich — 日本語のテキスト 👩‍👩‍👧 🎉 ok"
    told = await talk.say(f"[[say: {words}]] {layout}")
    assert told.types == PLAIN
    assert told.text == words


async def test_what_is_sent_upstream(talk: Talk, protocol: str) -> None:
    headers = {"X-Correlation-ID": "cor-1.2:3"}
    body = {"message": "hi", "max_tokens": 2, "model": "gpt-test-mini", "context": {"page": "p1"}}
    async with talk.http.post("/chat", json=body, headers=headers) as reply:
        told = await reply.text()
    assert '"turn 1:"' in told
    (sent,) = await talk.requests()
    assert sent["headers"]["x-correlation-id"] == "cor-1.2:3"
    assert sent["headers"]["authorization"] == "present"
    asked = sent["body"]
    limit = "max_tokens" if protocol == "chat" else "max_output_tokens"
    assert (asked["model"], asked[limit], asked["temperature"]) == ("gpt-test-mini", 2, 0.5)
    assert asked["stream"] is True
    names = [tool.get("function", tool)["name"] for tool in asked["tools"]]
    assert names == ["current_time", "echo", "breaks"]
    system = asked["instructions"] if protocol == "responses" else asked["messages"][0]["content"]
    assert system.startswith("Answer in tests.")
    assert '"page": "p1"' in system


async def test_a_request_cannot_raise_the_personas_limit(talk: Talk) -> None:
    await talk.say("hi", max_tokens=4_000)
    (sent,) = await talk.requests()
    assert 500 in {sent["body"].get("max_tokens"), sent["body"].get("max_output_tokens")}


async def test_a_model_that_the_persona_does_not_allow(talk: Talk) -> None:
    async with talk.http.post("/chat", json={"message": "hi", "model": "gpt-huge"}) as reply:
        assert reply.status == 400
        assert "gpt-test-mini" in (await reply.json())["detail"]
    assert await talk.requests() == []


async def test_an_answer_cut_off_at_its_limit_is_an_answer(talk: Talk) -> None:
    told = await talk.say("[[say: one two]] [[finish: length]]")
    assert (told.types, told.text) == (PLAIN, "one two")
    assert (await talk.say("on")).text == "turn 2: on"


async def test_a_refusal_is_an_answer(talk: Talk) -> None:
    told = await talk.say("[[refusal: I would rather not.]]")
    assert (told.types, told.text) == (PLAIN, "I would rather not.")
    assert (await talk.say("fine")).text == "turn 2: fine"


async def test_a_filtered_answer_fails(talk: Talk) -> None:
    told = await talk.say("[[say: one two]] [[finish: content_filter]]")
    assert told.end["error"] == "model_filtered"
    assert told.end["retryable"] is False
    assert told.types[-2:] == ["message.completed", "run.failed"]


async def test_cancel_closes_the_connection_to_the_model(talk: Talk) -> None:
    run = await begin(talk.http, "[[tokens: 9]] [[hold: 3]]", session_id=talk.session_id)
    await talk.settled(held=1)
    async with talk.http.post(f"/runs/{run['run_id']}/cancel") as reply:
        assert reply.ok
    told = Told(await follow(talk.http, run["run_id"]))
    assert told.types[-2:] == ["message.completed", "run.cancelled"]
    assert text_of(told.frames) == "w0 w1 w2"
    await talk.settled(disconnects=1, active=0)
    assert await talk.history() == [
        ("user", "completed", "[[tokens: 9]] [[hold: 3]]"),
        ("assistant", "cancelled", "w0 w1 w2"),
    ]
    assert (await talk.say("on")).text == "turn 2: on"


async def test_a_run_has_a_deadline(make_talk: MakeTalk) -> None:
    talk = await make_talk(RUN_DEADLINE_SECONDS=0.6)
    async with asyncio.timeout(10):
        told = await talk.say("[[tokens: 2000]] [[pace: 20]]")
    assert (told.end["error"], told.end["retryable"]) == ("deadline_exceeded", True)
    assert told.types == [*PLAIN[:4], "run.failed"]
    await talk.settled(disconnects=1, active=0)


@pytest.mark.parametrize("protocol", ["chat"], indirect=True)
async def test_an_edit_does_not_reach_a_run_that_was_accepted_before(
    make_talk: MakeTalk, tmp_path: Path
) -> None:
    folder = folders.copy(tmp_path)
    talk = await make_talk(AGENTS_DIR=folder)
    before = await talk.version("tester")
    await begin(talk.http, "[[say: a]] [[hold: 0]]", session_id=talk.session_id)
    await talk.settled(held=1)
    second = await begin(talk.http, "second", session_id=talk.session_id)
    (folder / "tester/instructions.md").write_text("Answer otherwise.")
    async with asyncio.timeout(10):
        while await talk.version("tester") == before:
            await asyncio.sleep(0.05)
    await talk.release()
    await follow(talk.http, second["run_id"])
    await talk.say("third")
    system = [request["body"]["messages"][0]["content"] for request in await talk.requests()]
    assert system == ["Answer in tests.", "Answer in tests.", "Answer otherwise."]


async def test_a_provider_without_key_or_address_is_no_provider(make_server: MakeServer) -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_KEY: is missing"):
        await make_server(MODEL_PROVIDER="openai")


@pytest.mark.parametrize("protocol", ["auto"], indirect=True)
async def test_other_servers_are_spoken_to_in_the_protocol_that_all_know(talk: Talk) -> None:
    assert (await talk.say("hi")).text == "turn 1: hi"
    assert [request["path"] for request in await talk.requests()] == ["/v1/chat/completions"]
