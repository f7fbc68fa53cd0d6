"""Checks the upstream's bytes against the openai package's types, event by event."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from tests.upstream import JOURNAL, create_upstream, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"
EVENTS: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
ANSWERS = [
    "héllo",
    "[[tokens: 5]]",
    "[[refusal: Not this.]]",
    "[[finish: length]] one two",
    "[[finish: content_filter]] one two",
    '[[say: I look.]] [[tool: a {"x": [[1]]}]] [[tool: b {"y": "日本"}]]',
    "[[tool: a {not json]]",
]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Serve, and open a plain HTTP session there."""
    async with serving(create_upstream()) as url, aiohttp.ClientSession(url) as session:
        yield session


def _body(text: str, *, stream: bool = True, **fields: object) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"model": "m", "stream": stream, "messages": messages, "input": messages, **fields}


async def _post(
    session: aiohttp.ClientSession, path: str, text: str, *, stream: bool = True, **fields: object
) -> str:
    body = _body(text, stream=stream, **fields)
    async with session.post(path, json=body) as response:
        assert response.headers["x-request-id"].startswith("req_")
        return await response.text()


def _types(raw: str) -> list[str]:
    """Return the event types of a Responses stream, each event checked."""
    types: list[str] = []
    for block in raw.removesuffix("\n\n").split("\n\n"):
        head, data = block.split("\n")
        event = EVENTS.validate_json(data.removeprefix("data: "))
        assert head == f"event: {event.type}"
        assert event.sequence_number == len(types)
        types.append(event.type.removeprefix("response."))
    return types


@pytest.mark.parametrize("text", [*ANSWERS, "[[errorevent]]", "[[errorevent: failed]]"])
async def test_responses_events_are_valid(session: aiohttp.ClientSession, text: str) -> None:
    types = _types(await _post(session, RESPONSES, text))
    assert types[:3] == ["created", "in_progress", "output_item.added"]
    end = "incomplete" if "finish" in text else "failed" if "error" in text else "completed"
    assert types[-1] == end


async def test_responses_events_come_in_order(session: aiohttp.ClientSession) -> None:
    types = _types(await _post(session, RESPONSES, '[[say: A b]] [[tool: f {"x": 1}]]'))
    message = ["content_part.added", *["output_text.delta"] * 2, "output_text.done"]
    call = [*["function_call_arguments.delta"] * 2, "function_call_arguments.done"]
    assert types == [
        *["created", "in_progress", "output_item.added", *message, "content_part.done"],
        *["output_item.done", "output_item.added", *call, "output_item.done", "completed"],
    ]


@pytest.mark.parametrize("text", ANSWERS)
async def test_chat_chunks_are_valid(session: aiohttp.ClientSession, text: str) -> None:
    raw = await _post(session, CHAT, text, stream_options={"include_usage": True})
    *blocks, done = [line.removeprefix("data: ") for line in raw.split("\n\n") if line]
    assert done == "[DONE]"
    chunks = [ChatCompletionChunk.model_validate_json(block) for block in blocks]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-2]] == [None] * (len(chunks) - 2)
    whole = ChatCompletion.model_validate_json(await _post(session, CHAT, text, stream=False))
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
    assert chunks[-1].usage == whole.usage


@pytest.mark.parametrize("text", ANSWERS)
async def test_streamed_and_whole_responses_agree(
    session: aiohttp.ClientSession, text: str
) -> None:
    raw = await _post(session, RESPONSES, text)
    streamed = json.loads(raw.rstrip().rpartition("data: ")[2])["response"]
    whole = json.loads(await _post(session, RESPONSES, text, stream=False))
    Response.model_validate(whole)
    for response in (streamed, whole):
        for item in response["output"]:
            item.pop("id")
            item.pop("call_id", None)
    same = ("status", "incomplete_details", "output", "usage")
    assert [streamed[name] for name in same] == [whole[name] for name in same]


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
async def test_token_limit_cuts_the_answer_off(session: aiohttp.ClientSession, path: str) -> None:
    limits = {"max_tokens": 3, "max_output_tokens": 3}
    raw = await _post(session, path, "[[tokens: 9]]", stream=False, **limits)
    assert '"w0 w1 w2"' in raw
    assert '"length"' in raw or '"max_output_tokens"' in raw


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
@pytest.mark.parametrize("stream", [True, False])
async def test_nonsense_is_sent_as_a_200(
    session: aiohttp.ClientSession, path: str, *, stream: bool
) -> None:
    said = [
        await _post(session, path, f"[[nonsense: {kind}]]", stream=stream)
        for kind in ("html", "badjson", "empty", "wrongshape")
    ]
    assert said[0].startswith("<!doctype html>")
    assert said[1].rstrip().endswith('{"del')
    assert said[2] == ""
    assert '"choices": "none"' in said[3]


async def test_clean_cut_ends_the_body_in_order(session: aiohttp.ClientSession) -> None:
    raw = await _post(session, CHAT, "[[cut: 2 clean]] one two")
    assert '" 1:"' in raw
    assert "one" not in raw
    assert "[DONE]" not in raw


@pytest.mark.parametrize(
    ("path", "fields", "message"),
    [
        (CHAT, {"messages": []}, "non-empty array"),
        (CHAT, {"messages": [{"role": "owl"}]}, "Invalid role"),
        (CHAT, {"messages": [{"role": "tool", "tool_call_id": "c"}]}, "follows no tool call"),
        (RESPONSES, {"input": [{"type": "function_call"}]}, "malformed"),
        (
            RESPONSES,
            {"input": [{"type": "function_call", "call_id": "c", "name": "f"}]},
            "No tool output found",
        ),
        (RESPONSES, {"previous_response_id": "resp_x"}, "Nothing is stored"),
        (RESPONSES, {"model": ""}, "names a model"),
        (CHAT, _body("[[say: open"), "not closed"),
        (CHAT, _body("[[cut: soon]]"), "needs a number"),
    ],
)
async def test_bad_requests_are_told(
    session: aiohttp.ClientSession, path: str, fields: dict[str, Any], message: str
) -> None:
    async with session.post(path, json={**_body("hi"), **fields}) as response:
        assert response.status == 400
        assert message in (await response.json())["error"]["message"]


async def test_held_answer_goes_on_when_released() -> None:
    app = create_upstream()
    async with serving(app) as url, aiohttp.ClientSession(url) as session:
        async with session.post(RESPONSES, json=_body("[[hold: 2]] one")) as response:
            await app[JOURNAL].until(lambda journal: journal.held == 1)
            async with session.post("/_release") as released:
                assert released.status == 200
            assert _types(await response.text())[-1] == "completed"
        async with session.delete("/_requests"), session.get("/_stats?active=0") as stats:
            assert await stats.json() == {"requests": 0, "disconnects": 0, "active": 0, "held": 0}
