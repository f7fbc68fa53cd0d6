"""`/ws/ID`: runs over a WebSocket."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any

import msgspec
import structlog
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from assistant import tracing
from assistant.errors import AssistantError, InvalidRequestError, NotFoundError
from assistant.events import Entry
from assistant.models import Run
from assistant.runs import Ask
from assistant.telemetry import redact
from assistant.web import spans
from assistant.web.bodies import Body, parse_object, validate
from assistant.web.handshake import PROTOCOL, check_origin, check_protocols
from assistant.web.keys import CORRELATION_ID, EXPIRES_AT, LIFE, PARTS, PRINCIPAL, SETTINGS
from assistant.web.messages import (
    KINDS,
    SocketApprove,
    SocketCancel,
    SocketChat,
    SocketContent,
    SocketPing,
    SocketResume,
)
from assistant.web.reading import session_id
from assistant.web.sending import Sender
from assistant.web.stream import counted
from assistant.wire import socket as wire

log = structlog.get_logger(__name__)

_IDLE = 4408
_HANDSHAKE = 1.0  # seconds for a client to answer that it closes too


async def websocket(request: web.Request) -> web.StreamResponse:
    """Hold a conversation over a WebSocket until the client or the server goes."""
    sid = session_id(request)
    settings = request.app[SETTINGS]
    ws = web.WebSocketResponse(
        heartbeat=settings.heartbeat_seconds,
        max_msg_size=settings.max_body_bytes,
        compress=False,
        timeout=_HANDSHAKE,
        protocols=(PROTOCOL,),
    )
    check_protocols(request)
    if not ws.can_prepare(request):
        raise web.HTTPUpgradeRequired(headers={"Upgrade": "websocket", "Connection": "Upgrade"})
    check_origin(request)
    await request.app[PARTS].runs.sessions.open(sid, request[PRINCIPAL].name)
    await ws.prepare(request)
    with counted(request.app, "websocket"):
        await _Talk(request, ws, sid).hold()
    return ws


class _Talk:
    """One socket: reads what the client sends, relays the runs it follows."""

    def __init__(self, request: web.Request, ws: web.WebSocketResponse, sid: str) -> None:
        self._app = request.app
        self._runs = request.app[PARTS].runs
        self._ws = ws
        self._sender = Sender(request, ws)
        self._session_id = sid
        self._principal = request[PRINCIPAL]
        self._owner = request[PRINCIPAL].name
        self._correlation_id = request[CORRELATION_ID]
        self._expires_at = request.get(EXPIRES_AT)
        self._clock: asyncio.Timeout | None = None
        self._followed: dict[str, asyncio.Task[None]] = {}
        self._place = tracing.carrier()
        self._facts = {
            tracing.CORRELATION_ID: self._correlation_id,
            tracing.CONVERSATION_ID: sid,
        }

    async def hold(self) -> None:
        """Serve the client until one side goes."""
        try:
            with self._app[LIFE].closing.ringing(self._interrupt):
                await self._read()
        finally:
            tasks = list(self._followed.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self) -> None:
        while not self._ws.closed:
            message = await self._next_message()
            if message is None:
                await self._take_leave()
            elif message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:
                await self._hear(message.data)

    async def _next_message(self) -> WSMessage | None:
        """Return the next message; None where something else is to be seen to first."""
        left = self._app[SETTINGS].websocket_idle_seconds
        if self._expires_at is not None:
            left = min(left, self._expires_at - time.time())
        if self._app[LIFE].closing.is_set():
            return None
        try:
            async with asyncio.timeout(left) as self._clock:
                return await self._ws.receive()
        except TimeoutError:
            return None
        finally:
            self._clock = None

    def _interrupt(self) -> None:
        """Stop waiting for a message, if it is waited for."""
        if self._clock is not None and not self._clock.expired():
            self._clock.reschedule(asyncio.get_running_loop().time())

    async def _take_leave(self) -> None:
        """Close where there is a reason to, with a handshake."""
        if self._expires_at is not None and time.time() >= self._expires_at:
            await self._ws.close(code=WSCloseCode.POLICY_VIOLATION, message=b"token expired")
        elif self._app[LIFE].closing.is_set():
            await self._ws.close(code=WSCloseCode.GOING_AWAY, message=b"come back")
        elif not self._followed:
            await self._ws.close(code=_IDLE, message=b"idle")

    async def _hear(self, data: str | bytes) -> None:
        try:
            if isinstance(data, bytes):
                detail = "Send JSON as text messages, not binary ones."
                raise InvalidRequestError(detail)  # noqa: TRY301 - told like every other fault
            await self._act(parse_object(data))
        except AssistantError as error:
            log.info("socket.refused", code=error.code)
            await self._sender.send(
                wire.error(redact(error.detail), error.code, self._correlation_id)
            )
        except Exception:
            log.exception("socket.failed")
            text = "Something went wrong on our side; it has been logged."
            await self._sender.send(wire.error(text, "internal", self._correlation_id))

    async def _act(self, value: dict[str, Any]) -> None:
        kind = value.get("type")
        model = KINDS.get(kind) if isinstance(kind, str) else None
        if model is None:
            detail = f"Field 'type': must be one of {', '.join(KINDS)}"
            raise InvalidRequestError(detail)
        body = validate(model, value)
        if isinstance(body, SocketPing):
            await self._sender.send(msgspec.json.encode({"type": "pong"}))
            return
        with spans.message(str(kind), self._place, self._facts):
            await self._do(body)

    async def _do(self, body: Body) -> None:
        match body:
            case SocketChat():
                run, _ = await self._runs.start(self._ask(body))
                await self._follow(run, -1)
            case SocketResume(run_id=run_id, after=after):
                run = await self._runs.get(run_id, self._owner)
                tracing.tell_of(run.facts, run.trace)
                await self._follow(run, after)
            case SocketCancel(run_id=run_id):
                await self._runs.cancel(run_id, self._owner)
            case SocketApprove():
                await self._decide(body)
            case _:
                pass

    async def _decide(self, body: SocketApprove) -> None:
        approval = await self._runs.approvals.decide(
            body.run_id, body.call_id, self._principal, body.verdict
        )
        if body.run_id not in self._followed:
            # Who follows the run is told by its log.
            await self._sender.send(wire.decided(approval, self._correlation_id))

    def _ask(self, body: SocketChat) -> Ask:
        said = body.message
        return Ask(
            text=said.content if isinstance(said, SocketContent) else said,
            principal=self._principal,
            correlation_id=self._correlation_id,
            session_id=self._session_id,
            persona_type=body.persona_type,
            user_id=body.user_id,
            context=body.context,
            history=[(turn.role, turn.content) for turn in body.history or ()],
            if_busy=body.if_busy,
        )

    async def _follow(self, run: Run, after: int) -> None:
        """Relay a run; where it is relayed already, from the new number on instead."""
        earlier = self._followed.pop(run.run_id, None)
        if earlier is not None:
            earlier.cancel()
            await asyncio.gather(earlier, return_exceptions=True)
        task = asyncio.create_task(self._relay(run, after), name=f"relay {run.run_id}")
        self._followed[run.run_id] = task

    async def _relay(self, run: Run, after: int) -> None:
        try:
            async with self._runs.open_cursor(run, after) as cursor:
                while not cursor.ended:
                    entries = await cursor.take()
                    for entry in entries:
                        await self._sender.send(entry.framed(run, wire.frame))
                    if not cursor.ended:
                        await cursor.wait(partial(self._send_now, run))
        except NotFoundError as error:
            gone = wire.error(error.detail, "gone", self._correlation_id, run_id=run.run_id)
            await self._sender.send(gone)
        except ConnectionError:
            log.debug("socket.left", run_id=run.run_id)
        finally:
            if self._followed.get(run.run_id) is asyncio.current_task():
                del self._followed[run.run_id]

    def _send_now(self, run: Run, entries: list[Entry]) -> bool:
        """Send entries without waking who relays them."""
        return self._sender.send_now([entry.framed(run, wire.frame) for entry in entries])
