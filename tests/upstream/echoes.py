"""Failures that repeat what was asked, keys and all, wherever an answer has room for it."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aiohttp import web

from tests.upstream.directives import RequestError

if TYPE_CHECKING:
    from tests.upstream.directives import Fault

_MOST = 4_000  # what fits into a header

HOWS = ("json", "text", "html", "headers", "reason", "redirect", "badjson", "chunk", "fields")


async def echo(request: web.Request, fault: Fault, body: object) -> web.StreamResponse:
    """Return a failure that `[[echo: HOW status=…]]` asks for."""
    asked = json.dumps({"headers": dict(request.headers), "body": body})
    status = int(fault.options.get("status", "400"))
    if fault.value in {"chunk", "fields"}:
        return await _streamed(request, fault.value, asked)
    if fault.value not in HOWS:
        message = f"[[echo: …]] knows {', '.join(HOWS)}, not {fault.value!r}"
        raise RequestError(message)
    return _whole(fault.value, asked, status)


def _whole(how: str, asked: str, status: int) -> web.Response:
    short = quote(asked)[:_MOST]
    page = f"<!doctype html><title>{status}</title><pre>{html.escape(asked)}</pre>"
    headers = dict.fromkeys(("x-request-id", "x-echo", "www-authenticate", "retry-after"), short)
    answers = {
        "json": web.json_response({"error": _error(asked)}, status=status),
        "text": web.Response(text=asked, status=status),
        "html": web.Response(text=page, status=status, content_type="text/html"),
        "headers": web.json_response({"error": _error("No.")}, status=status, headers=headers),
        "reason": web.Response(status=status, reason=asked[-_MOST:]),
        "redirect": web.Response(status=307, headers={"Location": f"http://127.0.0.1:9/?{short}"}),
        "badjson": web.Response(text=f'{{"choices": {asked}', content_type="application/json"),
    }
    return answers[how]


def _error(message: str) -> dict[str, Any]:
    return {"message": message, "type": message[-500:], "param": message[-500:], "code": "echo"}


async def _streamed(request: web.Request, how: str, asked: str) -> web.StreamResponse:
    """Stream half an answer and then an error; or a whole one with odd fields."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    choice = {"index": 0, "delta": {"role": "assistant", "content": "half"}, "finish_reason": None}
    head = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "gpt-test"}
    if how == "fields":
        short = asked[-300:]
        head |= {"id": short, "model": short, "system_fingerprint": short, "service_tier": short}
        ended = choice | {"delta": {}, "finish_reason": short}
        frames = [{**head, "choices": [choice]}, {**head, "choices": [ended]}]
    else:
        frames = [{**head, "choices": [choice]}, {"error": _error(asked)}]
    for frame in frames:
        await response.write(f"data: {json.dumps(frame)}\n\n".encode())
    await response.write(b"data: [DONE]\n\n" if how == "fields" else asked.encode())
    if request.transport is not None and how == "chunk":
        request.transport.close()
    return response
