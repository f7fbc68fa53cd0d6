"""What one would write instead: FastAPI and the Agents SDK as they come, on uvicorn with uvloop.

Generous to it: one conversation's history in memory only, and none where no session is asked for;
no log, no resume, no access log, no traces.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from bench.baselines.door import listen
from bench.baselines.stock import deltas


class Question(BaseModel):
    """What a client asks."""

    message: str
    session_id: str | None = None


app = FastAPI()


@app.post("/chat")
async def chat(question: Question) -> StreamingResponse:
    """Stream an answer, a frame for each piece of text."""
    return StreamingResponse(_frames(question), media_type="text/event-stream")


async def _frames(question: Question) -> AsyncIterator[bytes]:
    async for delta in deltas(question.message, question.session_id):
        yield b"data: %b\n\n" % msgspec.json.encode({"delta": delta})
    yield b"data: [DONE]\n\n"


if __name__ == "__main__":
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", access_log=False, log_level="warning"
    )
    uvicorn.Server(config).run(sockets=[listen()])
