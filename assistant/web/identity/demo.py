"""`AUTH_MODE=none`: everyone is a visitor; a local user may switch roles in the demo clinic."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from aiohttp import web

from assistant.errors import ForbiddenError, InvalidRequestError
from assistant.models import OPERATOR, Principal
from assistant.settings import is_loopback
from assistant.web.identity.principals import PATIENT, STAFF
from assistant.web.keys import Identify

HEADER, QUERY = "X-Demo-As", "demo_as"
_NUMBER = "P-100001"
_CAST: Mapping[str, Principal] = {
    "visitor": Principal("visitor"),
    "patient": Principal(f"{PATIENT}:{_NUMBER}", frozenset({PATIENT}), _NUMBER),
    "staff": Principal(f"{STAFF}:demo", frozenset({STAFF})),
}


def everyone(*, local: bool, switch: bool) -> Identify:
    """Return what takes everyone for a visitor, or for whom the demo switch says.

    Args:
        local: whether the server listens to this machine only: who reaches it runs it.
        switch: whether the demo switch is on.
    """

    async def identify(request: web.Request) -> Principal:
        wanted = _wanted(request)
        if wanted is not None:
            _check(request, wanted, on=switch)
        who = _CAST[wanted or "visitor"]
        # By another name than its own, such as through a proxy, it is not only this machine's.
        roles = {OPERATOR} if local and _names_this_machine(request) else set()
        return Principal(who.name, who.roles | roles, who.subject)

    return identify


def without_switch(identify: Identify) -> Identify:
    """Return the same, but for who uses a switch that is not there: it is never passed over."""

    async def checked(request: web.Request) -> Principal:
        wanted = _wanted(request)
        if wanted is not None:
            _check(request, wanted, on=False)
        return await identify(request)

    return checked


def _wanted(request: web.Request) -> str | None:
    """Return whom a request wants to act as; a page can say it for a WebSocket in its URL only."""
    if HEADER in request.headers:
        return request.headers[HEADER]
    upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
    return request.query.get(QUERY) if upgrade else None


def _check(request: web.Request, wanted: str, *, on: bool) -> None:
    """Check that the switch may be used, and by this request.

    Browsers send the header across sites only after a preflight that is refused; but one that
    CORS_ORIGINS lets through, a WebSocket, or a name that another site has rebound to this
    machine get past that, so the page's origin and the host's name are looked at, too.
    """
    if not on:
        detail = f"{HEADER}: the demo switch is off here (DEMO_SWITCH); leave it out, or sign in."
        raise ForbiddenError(detail)
    origin = request.headers.get("Origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.host
    if foreign or not _names_this_machine(request):
        detail = f"{HEADER}: is for this server's own page on this machine, as localhost, only."
        raise ForbiddenError(detail)
    if wanted not in _CAST:
        detail = f"{HEADER}: must be one of {', '.join(_CAST)}"
        raise InvalidRequestError(detail)


def _names_this_machine(request: web.Request) -> bool:
    return _is_this_machine(request.host)


@lru_cache(maxsize=64)
def _is_this_machine(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname)
    except ValueError:
        return False
