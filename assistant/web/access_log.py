"""The access log: one line for each request, with the route's template and never its path."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import structlog
from aiohttp import hdrs, web

from assistant.web.keys import ERROR_CODE, SETTINGS

log = structlog.get_logger(__name__)

_LONGEST = 200
# A method may be any word, and so a word that a client chose.
_OTHER = "_OTHER"


def log_request(
    request: web.Request, response: web.StreamResponse | None, status: int, seconds: float
) -> None:
    """Write the line of a request that has been answered, or whose client has left."""
    settings = request.app[SETTINGS]
    route = request.match_info.route.resource
    agent = request.headers.get(hdrs.USER_AGENT) if settings.access_log_user_agent else None
    log.info(
        "http.request",
        method=request.method if request.method in hdrs.METH_ALL else _OTHER,
        route=route.canonical if route else "(none)",
        status=status,
        seconds=round(seconds, 4),
        bytes=_sent(request, response),
        stream=_stream(request, response),
        error=request.get(ERROR_CODE),
        user_agent=agent[:_LONGEST] if agent else None,
        client_address=address_shown(request.remote, settings.access_log_ip),
    )


def address_shown(address: str | None, how: str) -> str | None:
    """Return a peer's address as the setting wants it: not at all, as its network, or whole."""
    if how == "off" or not address:
        return None
    try:
        whole = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    whole = getattr(whole, "ipv4_mapped", None) or whole
    if how == "full":
        return str(whole)
    return str(ip_network(f"{whole}/{24 if whole.version == 4 else 48}", strict=False))  # noqa: PLR2004


def _sent(request: web.Request, response: web.StreamResponse | None) -> int | None:
    """Return the bytes of an answer; of one that has begun those sent so far, with its head."""
    if request.writer.output_size:
        return request.writer.output_size
    body = response.body if isinstance(response, web.Response) else None
    return len(body) if isinstance(body, bytes | bytearray) else None


def _stream(request: web.Request, response: web.StreamResponse | None) -> str | None:
    upgraded = request.writer.output_size and request.headers.get(hdrs.UPGRADE)
    if isinstance(response, web.WebSocketResponse) or (response is None and upgraded):
        return "websocket"
    return "sse" if response and response.content_type == "text/event-stream" else None
