"""The answers that are not an answer: errors in the API's shape, and 200s that hold nonsense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.upstream.directives import RequestError

if TYPE_CHECKING:
    from tests.upstream.directives import Fault

# Type, code and message of the error body, by status.
_ERRORS: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", "invalid_value", "The request was refused on request."),
    401: ("invalid_request_error", "invalid_api_key", "The API key is not a valid one."),
    403: ("request_forbidden", "unsupported_country_region_territory", "Not allowed from here."),
    404: ("invalid_request_error", "model_not_found", "There is no such model."),
    429: ("requests", "rate_limit_exceeded", "Too many requests; slow down."),
    500: ("server_error", None, "The server met an error of its own."),
    503: ("server_error", None, "The model is overloaded; come back later."),
}


def error(
    status: int, *, message: str | None = None, code: str | None = None, after: str | None = None
) -> web.Response:
    """Return an error body as OpenAI sends it, with `Retry-After: after` where that is given."""
    kind, usual_code, usual_message = _ERRORS.get(status, ("invalid_request_error", None, "Error."))
    body = {
        "message": message or usual_message,
        "type": kind,
        "param": None,
        "code": code or (None if message else usual_code),
    }
    headers = {"Retry-After": after} if after else None
    return web.json_response({"error": body}, status=status, headers=headers)


def asked_error(fault: Fault) -> web.Response:
    """Return the error that `[[error: STATUS code=… after=…]]` asks for."""
    if not fault.value.isdecimal() or int(fault.value) not in _ERRORS:
        message = f"[[error: …]] knows {', '.join(map(str, _ERRORS))}, not {fault.value!r}"
        raise RequestError(message)
    status, options = int(fault.value), fault.options
    after = options.get("after", "1" if status == web.HTTPTooManyRequests.status_code else None)
    return error(status, code=options.get("code"), after=after)


def nonsense(fault: Fault, *, streamed: bool) -> web.Response:
    """Return a 200 that no client can make sense of."""
    broken, wrong = '{"id": "x", "choices": [{"del', '{"status": "ok", "choices": "none"}'
    kind = "text/event-stream" if streamed else "application/json"
    match fault.value:
        case "html":
            page = "<!doctype html><title>Welcome</title><h1>It works!</h1>"
            return web.Response(text=page, content_type="text/html")
        case "badjson":
            return _typed(f"data: {broken}\n\n" if streamed else broken, kind)
        case "empty":
            return _typed("", kind)
        case "wrongshape":
            return _typed(f"data: {wrong}\n\ndata: [DONE]\n\n" if streamed else wrong, kind)
        case other:
            message = f"[[nonsense: …]] knows html, badjson, empty, wrongshape, not {other!r}"
            raise RequestError(message)


def models(names: tuple[str, ...]) -> dict[str, Any]:
    """Return the list of models."""
    return {
        "object": "list",
        "data": [
            {"id": name, "object": "model", "created": 0, "owned_by": "upstream"} for name in names
        ],
    }


def _typed(text: str, content_type: str) -> web.Response:
    return web.Response(text=text, content_type=content_type)
