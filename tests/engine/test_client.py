"""The client of models: one for everybody, so it keeps nothing of anybody."""

from __future__ import annotations

from contextlib import AsyncExitStack

from aiohttp import web
from aiohttp.test_utils import TestServer
from blockbuster import BlockBuster

from assistant.engine import providers
from tests.conftest import may_block


async def test_cookies_of_the_models_server_are_not_kept(no_blocking_calls: BlockBuster) -> None:
    seen: list[str | None] = []

    async def models(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        reply = web.json_response({"object": "list", "data": []})
        reply.set_cookie("who", "somebody")
        return reply

    app = web.Application()
    app.router.add_get("/v1/models", models)
    async with TestServer(app) as server, AsyncExitStack() as stack:
        url = str(server.make_url("/v1"))
        with may_block(no_blocking_calls):
            client = await stack.enter_async_context(providers._client("key", url, 5))
        for _ in range(2):
            await client.models.list()
    assert seen == [None, None]
