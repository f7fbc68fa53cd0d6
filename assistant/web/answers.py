"""JSON answers, and the one table from an error's code to its HTTP status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from assistant.errors import AssistantError, UnauthenticatedError
from assistant.telemetry import redact

STATUS: Mapping[str, int] = {
    "invalid_request": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "session_busy": 409,
    "conflict": 409,
    "approval_closed": 409,
    "cancelled": 409,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "upgrade_required": 426,
    "rate_limited": 429,
    "internal": 500,
    "overloaded": 503,
    "draining": 503,
    "store_unavailable": 503,
    "sign_in_unavailable": 503,
    "model_failed": 503,
}
_BY_STATUS: Mapping[int, tuple[str, str]] = {
    400: ("Invalid request", "The request could not be read as HTTP."),
    401: ("Not signed in", "Say who you are; see the WWW-Authenticate header."),
    403: ("Forbidden", "This is not allowed."),
    404: ("Not found", "There is nothing at this path; /docs lists all paths."),
    405: ("Method not allowed", "This path does not take this method; see the Allow header."),
    408: ("Request timeout", "The request took too long to arrive; send it again."),
    413: ("Payload too large", "The body is larger than this server reads; send a shorter one."),
    415: ("Unsupported media type", "Send the body as JSON, with Content-Type: application/json."),
    417: ("Expectation failed", "The only Expect header that is known here is 100-continue."),
    426: ("Upgrade required", "This path speaks WebSocket; connect with a WebSocket client."),
}
_INTERNAL = ("Internal error", "Something went wrong on our side; it has been logged.")


def json(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an answer with a JSON body."""
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        headers=headers,
        content_type="application/json",
    )


def error_body(title: str, detail: str, correlation_id: str) -> dict[str, str]:
    """Return the body that every error has, on every path.

    A detail may name what was sent, such as a field; a secret there is not sent back.
    """
    return {"error": title, "detail": redact(detail), "correlation_id": correlation_id}


def from_error(error: AssistantError, correlation_id: str) -> web.Response:
    """Return the answer for one of our errors."""
    status = STATUS.get(error.code, 500)
    if status == 500:  # noqa: PLR2004
        return from_status(500, correlation_id)
    headers = {}
    if error.retry_after is not None or status in {429, 503}:
        headers["Retry-After"] = str(error.retry_after or 5)
    if isinstance(error, UnauthenticatedError):
        headers["WWW-Authenticate"] = _challenge(error)
    return json(
        error_body(error.title, error.detail, correlation_id), status=status, headers=headers
    )


def from_status(
    status: int, correlation_id: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return the answer for a status that aiohttp decided on."""
    title, detail = _BY_STATUS.get(status, _INTERNAL)
    status = status if status in _BY_STATUS else 500
    return json(error_body(title, detail, correlation_id), status=status, headers=headers)


def _challenge(error: UnauthenticatedError) -> str:
    """Return what says how to sign in (RFC 6750, section 3); no error for who did not try."""
    realm = 'Bearer realm="persona-assistant"'
    said = redact(error.detail).replace('"', "'")
    return f'{realm}, error="invalid_token", error_description="{said}"' if error.given else realm
