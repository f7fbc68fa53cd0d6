"""What happens round every request: correlation, access log, errors, headers."""

from __future__ import annotations

import time

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from assistant import tracing
from assistant.errors import AssistantError
from assistant.metrics import clients
from assistant.telemetry import correlation_id_from
from assistant.web.access_log import log_request
from assistant.web.answers import from_error, from_status
from assistant.web.keys import CORRELATION_ID, ERROR_CODE

log = structlog.get_logger(__name__)

_LEFT = 499  # the client left before there was an answer
_PAGE_POLICY = (
    "default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Swagger UI and ReDoc write styles into the page and run a worker from a blob.
_DOCS_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self'; "
    "img-src 'self' data:; font-src 'self' data:; worker-src blob:; frame-ancestors 'none'"
)


@web.middleware
async def correlate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request its correlation id, and every log line and span of it too."""
    request[CORRELATION_ID] = correlation_id_from(request.headers)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(correlation_id=request[CORRELATION_ID])
    with tracing.facts({tracing.CORRELATION_ID: request[CORRELATION_ID]}):
        return await handler(request)


@web.middleware
async def log_access(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write one line for each request: what, how it ended, how long it took."""
    begun = time.monotonic()
    response, status = None, _LEFT
    try:
        response = await handler(request)
        status = response.status
    finally:
        seconds = time.monotonic() - begun
        _measure(request, status, seconds)
        log_request(request, response, status, seconds)
    return response


def _measure(request: web.Request, status: int, seconds: float) -> None:
    left, failed = status == _LEFT, status >= 500  # noqa: PLR2004 - our fault, not the client's
    route = request.match_info.route.resource
    clients.REQUESTS.record(
        seconds,
        method=request.method,
        route=route.canonical if route else "(none)",
        status=None if left else str(status),
        scheme=request.scheme,
        error="client_left" if left else request.get(ERROR_CODE, "internal") if failed else None,
    )


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every failure into the error body; after the head is out, into a closed connection."""
    correlation_id = request[CORRELATION_ID]
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:  # noqa: PLR2004 - redirects are answers, not errors
            raise
        answer = from_status(error.status, correlation_id, _kept(error))
    except AssistantError as error:
        request[ERROR_CODE] = error.code
        answer = from_error(error, correlation_id)
    except ConnectionError:
        raise
    except Exception:
        log.exception("http.failed")
        answer = from_status(500, correlation_id)
    if request.writer.output_size > 0 and request.transport is not None:
        # A second head would land in the middle of the body that is already out.
        request.transport.abort()
    return answer


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that every answer carries."""
    response.headers["X-Correlation-ID"] = request.get(CORRELATION_ID, "")
    response.headers["X-Content-Type-Options"] = "nosniff"
    if request.path.startswith("/ui/"):
        response.headers["Content-Security-Policy"] = _PAGE_POLICY
        response.headers["Cache-Control"] = "no-cache"
    elif request.path in {"/docs", "/redoc"}:
        response.headers["Content-Security-Policy"] = _DOCS_POLICY
    else:
        response.headers.setdefault("Cache-Control", "no-store")


def _kept(error: web.HTTPException) -> dict[str, str]:
    names = ("Allow", "Retry-After", "Upgrade", "Connection", "WWW-Authenticate")
    return {name: error.headers[name] for name in names if name in error.headers}
