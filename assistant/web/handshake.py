"""What is checked before a WebSocket opens, besides who is asking."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from assistant.errors import ForbiddenError, InvalidRequestError
from assistant.web.keys import SETTINGS
from assistant.web.reading import subprotocols

PROTOCOL = "assistant"


def check_origin(request: web.Request) -> None:
    """Check that a browser's page may talk to us; clients that are no browsers send no origin.

    Raises:
        ForbiddenError: when the page is of another site than this server or `CORS_ORIGINS`.
    """
    origin = request.headers.get("Origin")
    allowed = request.app[SETTINGS].cors_origins
    if origin is None or origin in allowed or "*" in allowed:
        return
    if urlsplit(origin).netloc != request.host:
        detail = "This page's origin may not connect; the operator can add it to CORS_ORIGINS."
        raise ForbiddenError(detail)


def check_protocols(request: web.Request) -> None:
    """Check that a client which offers subprotocols offers ours.

    aiohttp goes on with none where none fits, which a browser takes for a failure, and writes
    what was offered into the log, where a token does not belong.

    Raises:
        InvalidRequestError: when it offers others only.
    """
    offered = subprotocols(request)
    if offered and PROTOCOL not in offered:
        detail = f"Header 'Sec-WebSocket-Protocol': must offer '{PROTOCOL}', or be left out"
        raise InvalidRequestError(detail)
