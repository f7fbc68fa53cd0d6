"""The limit: aiohttp passes the model's bytes on as they come, and looks at none of them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import uvloop
from aiohttp import ClientSession, TCPConnector, web

from bench.baselines.door import listen

_MODEL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"  # noqa: TID251 - a program of its own
_HTTP = web.AppKey("http", ClientSession)


async def chat(request: web.Request) -> web.StreamResponse:
    """Pass an answer on."""
    said = [{"role": "user", "content": (await request.json())["message"]}]
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    question = {"model": "bench", "stream": True, "messages": said}
    async with request.app[_HTTP].post(_MODEL, json=question) as answer:
        await response.prepare(request)
        async for data in answer.content.iter_any():
            await response.write(data)
    await response.write_eof()
    return response


async def _client(app: web.Application) -> AsyncIterator[None]:
    async with ClientSession(connector=TCPConnector(limit=0)) as app[_HTTP]:
        yield


if __name__ == "__main__":
    app = web.Application()
    app.router.add_post("/chat", chat)
    app.cleanup_ctx.append(_client)
    web.run_app(app, sock=listen(), loop=uvloop.new_event_loop(), access_log=None, print=None)
