"""Proves the upstream with the stock SDK: what OpenAI's own client accepts, ours must too."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import openai
import pytest
from agents import (
    Agent,
    Model,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    RunConfig,
    Runner,
    RunResultStreaming,
    TResponseInputItem,
    function_tool,
)
from agents.exceptions import ModelBehaviorError
from openai import AsyncOpenAI

from tests.upstream import JOURNAL, Journal, create_upstream, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PROTOCOLS = ("chat", "responses")
UNICODE = "Café à Zürich — 日本語のテキスト 👩‍👩‍👧 🎉 ok"


@dataclass
class Upstream:
    """The served upstream and a stock client on it."""

    url: str
    journal: Journal
    client: AsyncOpenAI

    def model(self, protocol: str) -> Model:
        """Return the SDK's own model for a protocol."""
        kind = OpenAIChatCompletionsModel if protocol == "chat" else OpenAIResponsesModel
        return kind("gpt-test", self.client)


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """Serve without a key; the client believes nothing that its types do not allow."""
    app = create_upstream()
    async with serving(app) as url, _client(url) as client:
        yield Upstream(url, app[JOURNAL], client)


def _client(url: str, key: str = "k") -> AsyncOpenAI:
    return AsyncOpenAI(
        base_url=f"{url}/v1", api_key=key, max_retries=0, _strict_response_validation=True
    )


@function_tool
def get_weather(city: str) -> str:
    """Tell the weather."""
    return f"sunny in {city}"


async def _run(
    model: Model, text: str | list[TResponseInputItem]
) -> tuple[RunResultStreaming, list[str]]:
    settings = ModelSettings(include_usage=True)
    agent = Agent(name="a", model=model, tools=[get_weather], model_settings=settings)
    result = Runner.run_streamed(agent, text, run_config=RunConfig(tracing_disabled=True))
    deltas = [
        event.data.delta
        async for event in result.stream_events()
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
    ]
    return result, deltas


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_plain_text_keeps_count_of_turns(upstream: Upstream, protocol: str) -> None:
    model = upstream.model(protocol)
    first, deltas = await _run(model, "hello there")
    assert first.final_output == "turn 1: hello there"
    assert deltas == ["turn", " 1:", " hello", " there"]
    usage = first.context_wrapper.usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (2, 4, 6)
    second, _ = await _run(model, [*first.to_input_list(), {"role": "user", "content": "again"}])
    assert second.final_output == "turn 2: again"


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_tool_call_then_answer(upstream: Upstream, protocol: str) -> None:
    text = '[[say: I look.]] [[tool: get_weather {"city": "Zürich [[1]]"}]]'
    result, deltas = await _run(upstream.model(protocol), text)
    assert result.final_output == "get_weather said: sunny in Zürich [[1]]"
    assert "".join(deltas) == "I look." + result.final_output
    kinds = [item.type for item in result.new_items]
    assert kinds == [
        "message_output_item",
        "tool_call_item",
        "tool_call_output_item",
        "message_output_item",
    ]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_parallel_calls_and_calls_in_a_row(upstream: Upstream, protocol: str) -> None:
    text = (
        '[[tool: get_weather {"city": "A"}]] [[tool: get_weather {"city": "B"}]]'
        ' [[then]] [[tool: get_weather {"city": "C"}]] [[then]] [[say: Done.]]'
    )
    result, _ = await _run(upstream.model(protocol), text)
    outputs = [item.output for item in result.new_items if item.type == "tool_call_output_item"]
    assert outputs == ["sunny in A", "sunny in B", "sunny in C"]
    assert result.final_output == "Done."
    assert upstream.journal.stats()["requests"] == 3


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("wire", ["[[split]]", "[[keepalive]]", "[[crlf]]", "[[pace: 2]]", "all"])
async def test_bytes_laid_out_otherwise_say_the_same(
    upstream: Upstream, protocol: str, wire: str
) -> None:
    asked = "[[split]] [[keepalive]] [[crlf]]" if wire == "all" else wire
    result, _ = await _run(upstream.model(protocol), f"{asked} [[say: {UNICODE}]]")
    assert result.final_output == UNICODE


@pytest.mark.parametrize("path", ["chat/completions", "responses"])
async def test_split_cuts_characters_apart(upstream: Upstream, path: str) -> None:
    message = [{"role": "user", "content": f"[[split]] [[say: {UNICODE}]]"}]
    body = {"model": "m", "stream": True, "messages": message, "input": message}
    async with (
        aiohttp.ClientSession(upstream.url) as session,
        session.post(f"/v1/{path}", json=body) as response,
    ):
        chunks = [chunk async for chunk, _ in response.content.iter_chunks()]
    broken = [chunk for chunk in chunks if not _is_utf8(chunk)]
    assert len(broken) > 10
    assert "日本語" in b"".join(chunks).decode()


def _is_utf8(chunk: bytes) -> bool:
    try:
        chunk.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("[[error: 400]]", openai.BadRequestError),
        ("[[error: 401]]", openai.AuthenticationError),
        ("[[error: 403]]", openai.PermissionDeniedError),
        ("[[error: 404]]", openai.NotFoundError),
        ("[[error: 429]]", openai.RateLimitError),
        ("[[error: 500]]", openai.InternalServerError),
        ("[[error: 503]]", openai.InternalServerError),
        ("[[cut: head]]", openai.APIConnectionError),
        ("[[cut: 0]]", openai.APIConnectionError),
        ("[[cut: 2]] one two three", openai.APIConnectionError),
        ("[[shout]]", openai.BadRequestError),
    ],
)
async def test_faults_raise_what_the_api_raises(
    upstream: Upstream, protocol: str, text: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        await _run(upstream.model(protocol), text)


async def test_errors_inside_a_stream(upstream: Upstream) -> None:
    with pytest.raises(openai.APIError, match="broke off"):
        await _run(upstream.model("chat"), "[[errorevent]] one two")
    for text in ("[[errorevent]] one", "[[errorevent: failed]] one"):
        with pytest.raises(ModelBehaviorError, match="broke off"):
            await _run(upstream.model("responses"), text)
    with pytest.raises(openai.APIError, match="broke off"):
        await _run(upstream.model("responses"), "[[errorevent: nested]] one")


async def test_rate_limit_says_when_to_come_back(upstream: Upstream) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        await _run(upstream.model("chat"), "[[error: 429 after=7 code=insufficient_quota]]")
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.code == "insufficient_quota"


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_fault_can_pass(upstream: Upstream, protocol: str) -> None:
    text = "[[error: 503 times=2]] up again"
    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            await _run(upstream.model(protocol), text)
    result, _ = await _run(upstream.model(protocol), text)
    assert result.final_output == "turn 1: up again"


async def test_key_is_asked_for_and_never_recorded() -> None:
    app = create_upstream("secret")
    async with serving(app) as url, _client(url, "wrong") as wrong, _client(url, "secret") as right:
        with pytest.raises(openai.AuthenticationError):
            await wrong.models.list()
        assert (await right.models.list()).data[0].id == "gpt-test"
        async with aiohttp.ClientSession(url) as session, session.get("/_requests") as response:
            listed = await response.json()
    assert [request["headers"]["authorization"] for request in listed] == ["present"] * 2


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_client_that_leaves_is_counted(upstream: Upstream, protocol: str) -> None:
    task = asyncio.create_task(_run(upstream.model(protocol), "[[stall: 1]] one two"))
    await upstream.journal.until(lambda journal: journal.active == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with (
        aiohttp.ClientSession(upstream.url) as session,
        session.get("/_stats?disconnects=1&active=0") as response,
    ):
        assert response.status == 200


async def test_runs_as_a_process() -> None:
    command = (sys.executable, "-m", "tests.upstream", "--port", "0")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(20):
        line = (await process.stdout.readline()).decode()
        url = line.removeprefix("listening ").strip()
        async with _client(url) as client:
            answer = await client.responses.create(model="gpt-test", input="hi")
        process.terminate()
        assert await process.wait() == 0
    assert answer.output_text == "turn 1: hi"
