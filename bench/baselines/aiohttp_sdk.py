"""The same with aiohttp: the Agents SDK as it comes, on the web framework of our own server."""

from __future__ import annotations

import msgspec
import uvloop
from aiohttp import web

from bench.baselines.door import listen
from bench.baselines.stock import deltas


async def chat(request: web.Request) -> web.StreamResponse:
    """Stream an answer, a frame for each piece of text."""
    question = await request.json()
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    async for delta in deltas(question["message"], question.get("session_id")):
        await response.write(b"data: %b\n\n" % msgspec.json.encode({"delta": delta}))
    await response.write(b"data: [DONE]\n\n")
    await response.write_eof()
    return response


if __name__ == "__main__":
    app = web.Application()
    app.router.add_post("/chat", chat)
    web.run_app(app, sock=listen(), loop=uvloop.new_event_loop(), access_log=None, print=None)
