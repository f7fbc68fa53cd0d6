"""Heads of requests that are wrong: ids, cursors, keys, hosts, and bytes that are no HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from tests.telemetry.canaries.turn import ALL, Play, Turn, Visit, asking

_WRONG = "a header is wrong"
_HELLO = {"message": "hello <said>"}
_HEADERS: Mapping[str, tuple[str, ...]] = {
    "Idempotency-Key": ("<said> <email>", "<openai>" * 10, "<email>"),
    "X-Correlation-ID": ("<said> <email>", "<openai>", "<email>", "<jwt>"),
    "X-Request-ID": ("<github>",),
    "Accept": ("application/<said>", "text/<email>; q=<token>"),
    "X-Demo-As": ("<said>", "<email>", "<token>"),
    "Origin": ("https://<said>.example", "<email>"),
    "Host": ("<said>.example:<token>", "<said>.example"),
    "traceparent": ("00-<said>-<token>-01", "<email>"),
    "Content-Length": ("<said>", "-1"),
    "Expect": ("<said> <token>",),
    "Authorization": (
        "Bearer <token>",
        "Basic <token>",
        "<jwt>",
        "Digest username=<said>, nonce=<token>",
    ),
    "Cookie": ("session=<jwt>; <said>=<email>; a=<password>; ;;=<token>",),
    "If-None-Match": ('"<said>"',),
    "Range": ("bytes=<said>-<token>",),
}
_BYTES: Mapping[str, str] = {
    "no HTTP": "<said> <email> <openai>\r\n\r\n",
    "no version": "GET /<said>?key=<openai>\r\n\r\n",
    "a method of its own": "<said> /chat HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header without a colon": "GET / HTTP/1.1\r\nHost: x\r\n<said> <email> <openai>\r\n\r\n",
    "a folded header": "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n <said>\r\n\r\n",
    "a header with a space": "GET / HTTP/1.1\r\nHost: x\r\n<said> : <email>\r\n\r\n",
    "a long header": "GET / HTTP/1.1\r\nHost: x\r\nX-A: <said>" + "<token>" * 500 + "\r\n\r\n",
    "a long target": "GET /<said>" + "/<token>" * 300 + " HTTP/1.1\r\nHost: x\r\n\r\n",
    "two lengths": "POST /chat HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    "Content-Length: 6\r\n\r\n<said>",
    "a bad chunk": "POST /chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    "Transfer-Encoding: chunked\r\n\r\n<said>\r\n<email>\r\n\r\n",
    "a control character": "GET / HTTP/1.1\r\nHost: x\r\nX-A: <said>\x00<email>\r\n\r\n",
    "a whole URL": "GET http://<said>:<password>@h.example/ HTTP/1.1\r\nHost: h.example\r\n\r\n",
    "CONNECT": "CONNECT <said>.example:443 HTTP/1.1\r\nHost: x\r\n"
    "Proxy-Authorization: Basic <token>\r\n\r\n",
    "a body cut off": "POST /chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    'Content-Length: 999\r\n\r\n{"message": "<said> <email>',
}


def _written(data: str) -> Play:
    async def play(visit: Visit) -> None:
        url = visit.http._base_url
        assert url is not None
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(visit.fill(data).encode())
        writer.write_eof()
        async with asyncio.timeout(20):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        visit.heard.note("response headers", head.decode("latin-1"))
        visit.heard.note("error bodies", body.decode("utf-8", "replace"))

    return play


async def _late_cursor(visit: Visit) -> None:
    ids = await visit.owned('[[tool: write_note {"text": "<said>"}]]')
    for headers, query in (
        ({"Last-Event-ID": "<said> <openai>"}, ""),
        ({}, "?after=<email>"),
        ({}, "?after=<said>&<token>=<jwt>"),
    ):
        await visit.ask("GET", f"/runs/{ids['run_id']}/events{query}", headers=headers)


def _turns() -> Iterator[Turn]:
    for name, values in _HEADERS.items():
        for number, value in enumerate(values):
            method, path = ("GET", "/") if name == "Content-Length" else ("POST", "/chat")
            play = asking(method, path, _HELLO if method == "POST" else None, headers={name: value})
            yield Turn(_WRONG, f"{name}, {number}", play)
    for name, data in _BYTES.items():
        yield Turn("it is no HTTP", name, _written(data))
    yield Turn(_WRONG, "cursors", _late_cursor)
    for query in ("?limit=<said>", "?after=<email>", "?limit=<card>&after=<openai>"):
        yield Turn("the query is wrong", f"/sessions{query}", asking("GET", f"/sessions{query}"))
    play = asking("POST", "/chat", {"message": ALL}, headers={"Content-Type": ""})
    yield Turn("the media type is wrong", "none given", play)


TURNS = tuple(_turns())
