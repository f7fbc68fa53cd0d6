"""Reads what a request says outside its body: headers, query and who is asking."""

from __future__ import annotations

import hashlib
import re

import msgspec
from aiohttp import web

from assistant.errors import InvalidRequestError

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_NUMBER = re.compile(r"-1|[0-9]{1,15}")
_SESSION_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def cursor(request: web.Request) -> int:
    """Return the number after which a client wants to go on; -1 for everything.

    Taken from `Last-Event-ID`, else from `?after=`. An empty header is as good as none: that is
    what an event source sends that has seen no number.

    Raises:
        InvalidRequestError: when one of them is no number.
    """
    found = -1
    for place, given in (
        ("Query 'after'", request.query.get("after")),
        ("Header 'Last-Event-ID'", request.headers.get("Last-Event-ID") or None),
    ):
        if given is None:
            continue
        if not _NUMBER.fullmatch(given):
            detail = f"{place}: must be the whole number of the last event seen, or -1"
            raise InvalidRequestError(detail)
        found = int(given)
    return found


def limit(request: web.Request, *, usual: int, most: int) -> int:
    """Return how many rows a client wants on a page.

    Raises:
        InvalidRequestError: when it is no number in range.
    """
    given = request.query.get("limit")
    if given is None:
        return usual
    if not re.fullmatch(r"[0-9]{1,6}", given) or not 1 <= int(given) <= most:
        detail = f"Query 'limit': must be a whole number from 1 to {most}"
        raise InvalidRequestError(detail)
    return int(given)


def idempotency(request: web.Request, body: object) -> tuple[str, str] | None:
    """Return the request's idempotency key and its body's fingerprint, where it carries a key.

    Raises:
        InvalidRequestError: when the key is not printable ASCII.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        detail = "Header 'Idempotency-Key': must be 1 to 255 printable ASCII characters"
        raise InvalidRequestError(detail)
    return key, hashlib.sha256(msgspec.json.encode(body, order="sorted")).hexdigest()


def wants_json(request: web.Request) -> bool:
    """Return whether the client asked for one JSON answer rather than a stream."""
    accept = request.headers.get("Accept", "*/*")
    return "application/json" in accept and "text/event-stream" not in accept


def wants_html(request: web.Request) -> bool:
    """Return whether a browser is asking for a page."""
    return "text/html" in request.headers.get("Accept", "")


def session_id(request: web.Request) -> str:
    """Return the session id in the path.

    Raises:
        InvalidRequestError: when it is not one.
    """
    given = request.match_info["session_id"]
    if not _SESSION_ID.fullmatch(given):
        detail = "Path 'session_id': must be 1 to 128 characters of A-Z a-z 0-9 . _ : -"
        raise InvalidRequestError(detail)
    return given


def subprotocols(request: web.Request) -> list[str]:
    """Return the subprotocols that a WebSocket's client offers; of one header, as aiohttp does."""
    offered = request.headers.get("Sec-WebSocket-Protocol", "")
    return [name for part in offered.split(",") if (name := part.strip())]
