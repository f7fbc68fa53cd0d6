"""The Agents SDK as its own documentation uses it: an agent, a runner, a session in memory."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    SQLiteSession,
    set_tracing_disabled,
)
from openai import AsyncOpenAI

set_tracing_disabled(disabled=True)
_client = AsyncOpenAI(base_url=os.environ["OPENAI_BASE_URL"], api_key="none")  # noqa: TID251 - a program of its own
_model = (
    OpenAIResponsesModel("bench", _client)
    if os.environ.get("OPENAI_API") == "responses"  # noqa: TID251 - a program of its own
    else OpenAIChatCompletionsModel("bench", _client)
)
_keeps = os.environ.get("HISTORY") != "none"  # noqa: TID251 - a program of its own
_agent = Agent(name="Talker", instructions="Say what you are asked for.", model=_model)
_sessions: dict[str, SQLiteSession] = {}


async def deltas(message: str, session_id: str | None) -> AsyncIterator[str]:
    """Yield the pieces of an answer's text."""
    if _keeps and session_id and session_id not in _sessions:
        _sessions[session_id] = SQLiteSession(session_id)
    session = _sessions.get(session_id or "")
    result = Runner.run_streamed(_agent, message, session=session)
    async for event in result.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            yield event.data.delta
