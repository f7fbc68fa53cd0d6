"""The HTTP server itself: aiohttp's, with a limit on how long a request's head may take."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from typing_extensions import override

from assistant.settings import Settings
from assistant.telemetry import correlation_id_from
from assistant.web.answers import error_body, from_status, json
from assistant.web.keys import CORRELATION_ID

log = structlog.get_logger(__name__)


class Listener(web.AppRunner):
    """Runs an application with our connection limits."""

    def __init__(self, app: web.Application, settings: Settings) -> None:
        super().__init__(
            app,
            access_log=None,
            handler_cancellation=True,
            keepalive_timeout=settings.keepalive_timeout_seconds,
            shutdown_timeout=5.0,
        )
        self._head_seconds = settings.header_timeout_seconds

    @override
    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        return _Server(server, self._head_seconds)


class _Server(web.Server):
    """Makes connections that do not wait for ever for a request's head."""

    def __init__(self, plain: web.Server, head_seconds: float) -> None:
        super().__init__(
            plain.request_handler,
            request_factory=plain.request_factory,
            handler_cancellation=plain.handler_cancellation,
        )
        self._options: Mapping[str, Any] = plain._kwargs  # noqa: SLF001 - aiohttp has no door
        self._head_seconds = head_seconds
        self.closed = False

    @override
    async def shutdown(self, timeout: float | None = None) -> None:
        self.closed = True
        await super().shutdown(timeout)

    @override
    def __call__(self) -> RequestHandler:
        loop = asyncio.get_running_loop()
        return _Connection(self, self._head_seconds, loop=loop, **self._options)


class _Connection(RequestHandler):
    """One connection.

    aiohttp closes one that is idle between requests, but one that sends its head drop by drop
    stays for ever: here a head must be whole within the limit, counted from its first byte, and
    a new connection must begin within it.
    """

    __slots__ = ("_head_seconds", "_late", "_server")

    def __init__(self, server: _Server, head_seconds: float, **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server
        self._head_seconds = head_seconds
        self._late: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._server.closed:
            # Taken from the backlog at the last moment, when all others had been closed.
            self.force_close()
        else:
            self._start_clock()

    @override
    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_clock()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        before = self._request_count
        super().data_received(data)
        if self._request_count > before or self._request_in_progress or self._upgraded:
            self._stop_clock()
        elif self._late is None:
            self._start_clock()

    @override
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what never became a request, or failed outside every handler."""
        if request.writer.output_size > 0:
            # A second head would land in the middle of the body that is already out.
            text = "an answer was already under way"
            raise ConnectionError(text)
        correlation_id = request[CORRELATION_ID] = correlation_id_from(request.headers)
        log.info(
            "http.request",
            method=None,
            route="(unreadable)" if status < 500 else "(failed)",  # noqa: PLR2004
            status=status,
            error=type(exc).__name__ if exc else None,
            correlation_id=correlation_id,
        )
        if status == 400:  # noqa: PLR2004
            detail = "The request could not be read as HTTP; check its line and headers."
            answer = json(error_body("Invalid request", detail, correlation_id), status=400)
        else:
            answer = from_status(status, correlation_id)
        answer.headers["X-Correlation-ID"] = correlation_id
        answer.force_close()
        return answer

    @override
    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        if isinstance(resp, web.HTTPException) and CORRELATION_ID not in request:
            # aiohttp refused it before any middleware saw it: an `Expect` that it does not know.
            resp = self.handle_error(request, resp.status)
        return await super().finish_response(request, resp, start_time)

    def _start_clock(self) -> None:
        loop = asyncio.get_running_loop()
        self._late = loop.call_later(self._head_seconds, self._give_up)

    def _stop_clock(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        self._late = None
        if self.transport is not None and not self._request_in_progress:
            correlation_id = correlation_id_from({})
            log.info("http.head.late", correlation_id=correlation_id)
            self.transport.write(_too_late(correlation_id))
            self.force_close()


def _too_late(correlation_id: str) -> bytes:
    """Return a whole answer; where no request is being handled, no handler can give it."""
    body = msgspec.json.encode(
        error_body("Request timeout", "The request took too long to arrive.", correlation_id)
    )
    lines = [
        "HTTP/1.1 408 Request Timeout",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"X-Correlation-ID: {correlation_id}",
        "Connection: close",
        "\r\n",
    ]
    return "\r\n".join(lines).encode() + body
