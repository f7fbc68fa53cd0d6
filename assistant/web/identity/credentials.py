"""Takes the key or token from a request, from wherever its client could put it."""

from __future__ import annotations

from aiohttp import web

from assistant.errors import UnauthenticatedError
from assistant.web.reading import subprotocols

BEARER_PROTOCOL = "bearer."


def token_of(request: web.Request, *, header: str | None = None) -> str:
    """Return the key or token of a request.

    A page can set no header on its WebSocket, so there it comes as the subprotocol
    `bearer.<token>`, offered beside `assistant`, which is the one that the server takes.

    Args:
        request: the request.
        header: another header that may carry it, besides `Authorization`.

    Raises:
        UnauthenticatedError: when there is none, more than one, or one of another scheme.
    """
    found = {_bearer(value) for value in request.headers.getall("Authorization", ())}
    found |= set(request.headers.getall(header, ())) if header else set()
    found |= {
        name.removeprefix(BEARER_PROTOCOL)
        for name in subprotocols(request)
        if name.startswith(BEARER_PROTOCOL)
    }
    if len(found) > 1:
        detail = "The request carries more than one key or token; send one."
        raise UnauthenticatedError(detail)
    token = found.pop() if found else ""
    if not token:
        also = f", or {header}" if header else ""
        detail = f"Say who you are, with the header 'Authorization: Bearer <token>'{also}."
        raise UnauthenticatedError(detail, given=False)
    return token


def _bearer(value: str) -> str:
    scheme, _, token = value.strip().partition(" ")
    if scheme.lower() != "bearer":
        detail = "The Authorization header must be 'Bearer <token>'."
        raise UnauthenticatedError(detail)
    return token.strip()
