"""WebSockets: handshakes that are refused, frames and messages that are malformed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp

from tests.telemetry.canaries.turn import ALL, Play, Turn, Visit

_LAST = {"response_complete", "cancelled", "error", "pong", "approval_request"}
_SAID: Mapping[str, str | bytes] = {
    "not JSON": ALL,
    "binary": ALL.encode(),
    "a list": json.dumps([ALL]),
    "no type": json.dumps({"message": ALL}),
    "an unknown type": json.dumps({"type": "<said> <email>", "message": ALL}),
    "an unknown field": json.dumps({"type": "chat_message", "message": ALL, "<email>": "<openai>"}),
    "a wrong message": json.dumps({"type": "chat_message", "message": {"content": [ALL]}}),
    "a wrong role": json.dumps(
        {"type": "chat_message", "message": {"content": ALL, "role": "<said>"}}
    ),
    "an unknown persona": json.dumps(
        {"type": "chat_message", "message": ALL, "persona_type": "<said>"}
    ),
    "an unknown run": json.dumps({"type": "resume", "run_id": "<said>-<openai>", "after": 1}),
    "a wrong cursor": json.dumps({"type": "resume", "run_id": "run_1", "after": "<email>"}),
    "a cancel of nothing": json.dumps({"type": "cancel", "run_id": "<email>"}),
    "an approval of nothing": json.dumps(
        {"type": "approve", "run_id": "<said>", "call_id": "<token>", "decision": "approve"}
    ),
    "a wrong decision": json.dumps(
        {"type": "approve", "run_id": "x", "call_id": "y", "decision": ALL}
    ),
    "a message": json.dumps({"type": "chat_message", "message": ALL, "context": {"page": ALL}}),
    "a model that echoes": json.dumps({"type": "chat_message", "message": f"[[echo: json]] {ALL}"}),
    "a tool that breaks": json.dumps(
        {
            "type": "chat_message",
            "message": f"[[tool: misbehave {json.dumps({'how': 'raises', 'said': ALL})}]]",
        }
    ),
}
_CLOSING: Mapping[str, bytes] = {
    "too big": b"x" * 300_000,
    "no UTF-8": b"\xff\xfe",
}
_HANDSHAKES: Mapping[str, Mapping[str, str]] = {
    "another origin": {"Origin": "https://<said>.example/<email>?token=<token>"},
    "a subprotocol": {"Sec-WebSocket-Protocol": "<said>, bearer.<token>"},
    "a token": {"Sec-WebSocket-Protocol": "assistant, bearer.<jwt>"},
    "a version": {"Sec-WebSocket-Version": "<said>"},
    "a key": {"Sec-WebSocket-Key": "<said> <token>"},
}


def _saying(data: str | bytes) -> Play:
    async def play(visit: Visit) -> None:
        text = visit.fill(data if isinstance(data, str) else data.decode())
        async with _opened(visit) as ws:
            await (ws.send_str(text) if isinstance(data, str) else ws.send_bytes(text.encode()))
            await _hear(visit, ws)

    return play


def _opened(visit: Visit, headers: Mapping[str, str] | None = None) -> Any:
    path = f"/ws/{visit.correlation_id}?token=<token>&email=<email>&said=<said>"
    given = {"X-Correlation-ID": visit.correlation_id, **visit.headers, **(headers or {})}
    return visit.http.ws_connect(visit.fill(path), headers=visit.fill(dict(given)))


async def _hear(visit: Visit, ws: aiohttp.ClientWebSocketResponse) -> None:
    """Listen up to the end of an answer, or of the socket."""
    while True:
        message = await ws.receive(timeout=20)
        if message.type is not aiohttp.WSMsgType.TEXT:
            visit.heard.note("close reasons", str(message.extra))
            return
        frame = message.json()
        visit.told(frame)
        if frame["type"] in _LAST:
            return


def _breaking(sent: bytes, opcode: aiohttp.WSMsgType) -> Play:
    async def play(visit: Visit) -> None:
        async with _opened(visit) as ws:
            filled = visit.fill("<said> <email>").encode() + sent
            await ws._writer.send_frame(filled, opcode)
            await _hear(visit, ws)

    return play


def _refused(headers: Mapping[str, str]) -> Play:
    async def play(visit: Visit) -> None:
        usual = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        if "Origin" in headers or "Sec-WebSocket-Protocol" in headers:
            try:
                async with _opened(visit, headers):
                    return
            except aiohttp.WSServerHandshakeError as error:
                visit.heard.note("error bodies", f"{error.message} {error.headers}")
        await visit.ask("GET", "/ws/<said>?key=<openai>", headers={**usual, **headers})

    return play


def _turns() -> Iterator[Turn]:
    for name, data in _SAID.items():
        wrong = "none" if name == "a message" else "a socket's message is wrong"
        yield Turn(wrong, f"socket: {name}", _saying(data))
    for name, sent in _CLOSING.items():
        play = _breaking(sent, aiohttp.WSMsgType.TEXT)
        yield Turn("a socket's frame is wrong", f"socket: {name}", play)
    for opcode in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.PING):
        play = _breaking(b"" if opcode is aiohttp.WSMsgType.CLOSE else b"x" * 200, opcode)
        yield Turn("a socket's frame is wrong", f"socket: an odd {opcode.name}", play)
    for name, headers in _HANDSHAKES.items():
        yield Turn("a handshake is refused", f"handshake: {name}", _refused(headers))
    plain = {"X-Correlation-ID": "x"}
    yield Turn("a handshake is refused", "handshake: none", _refused(plain))


TURNS = tuple(_turns())
