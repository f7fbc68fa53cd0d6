"""Fixtures: a conversation with a server whose model is the upstream of the tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import aiohttp
import pytest

from tests.conftest import DATA, MakeServer
from tests.engine.talks import TOOLS, Talk
from tests.loglines import Written, written

MakeTalk = Callable[..., Awaitable[Talk]]


@pytest.fixture
def log() -> Iterator[Written]:
    """Return what the server logs."""
    with written() as lines:
        yield lines


@pytest.fixture(params=["chat", "responses"])
def protocol(request: pytest.FixtureRequest) -> str:
    """Return each protocol of OpenAI's in turn."""
    return str(request.param)


@pytest.fixture
async def make_talk(
    make_server: MakeServer, upstream: str, protocol: str
) -> AsyncIterator[MakeTalk]:
    """Return a function that starts a server on the upstream, with given settings."""
    async with AsyncExitStack() as stack:

        async def make(**settings: object) -> Talk:
            usual: dict[str, object] = {
                "MODEL_PROVIDER": "openai",
                "OPENAI_BASE_URL": upstream,
                "OPENAI_API_KEY": "k",
                "OPENAI_API": protocol,
                "OPENAI_MODEL": "gpt-test",
                "MODEL_RETRIES": 0,
                "AGENTS_DIR": DATA / "agents",
                "DEFAULT_PERSONA": "tester",
            }
            server = await make_server(TOOLS, **(usual | settings))
            http = aiohttp.ClientSession(server.make_url("/"))
            model = aiohttp.ClientSession(upstream.removesuffix("/v1"))
            return Talk(
                await stack.enter_async_context(http), await stack.enter_async_context(model)
            )

        yield make


@pytest.fixture
async def talk(make_talk: MakeTalk) -> Talk:
    """Return a conversation with the settings that most tests use."""
    return await make_talk()
