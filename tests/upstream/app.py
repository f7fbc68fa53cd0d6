"""The upstream as an aiohttp application: its routes, its key, its books."""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.upstream.chat import ChatAnswer
from tests.upstream.delivery import Answer, Delivery
from tests.upstream.directives import RequestError
from tests.upstream.journal import Journal
from tests.upstream.replies import error, models
from tests.upstream.responses import ResponsesAnswer
from tests.upstream.script import Plan, make_plan
from tests.upstream.transcript import Transcript, from_chat, from_responses

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

JOURNAL = web.AppKey("JOURNAL", Journal)
KEY = web.AppKey("KEY", str)
BODY = web.RequestKey("BODY", object)
MODELS = ("gpt-test", "gpt-test-mini")
MAX_BODY = 16 * 2**20


def create_upstream(key: str = "") -> web.Application:
    """Return the application; with a `key`, requests to `/v1` must bear it."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[_recorded, _explained, _keyed])
    app.on_response_prepare.append(_named)
    app[JOURNAL] = Journal()
    app[KEY] = key
    app.router.add_post("/v1/chat/completions", _chat)
    app.router.add_post("/v1/responses", _responses)
    app.router.add_get("/v1/models", _models)
    app.router.add_get("/_requests", _list_requests)
    app.router.add_delete("/_requests", _clear_requests)
    app.router.add_get("/_stats", _stats)
    app.router.add_post("/_release", _release)
    return app


@asynccontextmanager
async def serving(
    app: web.Application, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[str]:
    """Serve the application while the context lasts; yields its address, without a path."""
    # Cancellation tells a silent handler that its client left.
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _chat(request: web.Request) -> web.StreamResponse:
    return await _answer(request, from_chat, ChatAnswer)


async def _responses(request: web.Request) -> web.StreamResponse:
    return await _answer(request, from_responses, ResponsesAnswer)


async def _answer(
    request: web.Request,
    read: Callable[[dict[str, Any]], Transcript],
    tell: Callable[[dict[str, Any], Plan], Answer],
) -> web.StreamResponse:
    body = request[BODY]
    if not isinstance(body, dict) or not body.get("model"):
        message = "The body must be a JSON object that names a model."
        raise RequestError(message)
    try:
        transcript = read(body)
    except (KeyError, TypeError, AttributeError) as problem:
        message = f"The input is malformed: {problem!r}"
        raise RequestError(message) from problem
    plan, journal = make_plan(transcript), request.app[JOURNAL]
    due = tuple(fault for fault in plan.faults if journal.is_due(transcript.last_user, fault))
    plan = replace(plan, faults=due)
    delivery, streamed = Delivery(request, body, plan, journal), bool(body.get("stream"))
    if (instead := await delivery.before(streamed=streamed)) is not None:
        return instead
    answer = tell(body, plan)
    return await (delivery.stream(answer) if streamed else delivery.whole(answer))


async def _models(_: web.Request) -> web.Response:
    return web.json_response(models(MODELS))


async def _list_requests(request: web.Request) -> web.Response:
    return web.json_response(request.app[JOURNAL].requests)


async def _clear_requests(request: web.Request) -> web.Response:
    request.app[JOURNAL].clear()
    return web.json_response({"cleared": True})


async def _stats(request: web.Request) -> web.Response:
    """Tell the counts; `?disconnects=1&active=0` first waits, five seconds at most, for them."""
    journal = request.app[JOURNAL]
    wanted = {name: int(value) for name, value in request.query.items()}
    try:
        await journal.until(lambda now: now.stats().items() >= wanted.items())
    except TimeoutError:
        return web.json_response(journal.stats(), status=web.HTTPConflict.status_code)
    return web.json_response(journal.stats())


async def _release(request: web.Request) -> web.Response:
    request.app[JOURNAL].release()
    return web.json_response({"released": True})


@web.middleware
async def _recorded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write down what is asked of `/v1`, and whether the client stayed for the answer."""
    if not request.path.startswith("/v1/"):
        return await handler(request)
    journal = request.app[JOURNAL]
    request[BODY] = _parsed(await request.read())
    journal.requests.append(_record(request))
    journal.active += 1
    journal.touch()
    try:
        return await handler(request)
    except (asyncio.CancelledError, ConnectionError):
        journal.disconnects += 1
        raise
    finally:
        journal.active -= 1
        journal.touch()


@web.middleware
async def _explained(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell what was wrong in the API's error shape."""
    try:
        return await handler(request)
    except RequestError as problem:
        return error(400, message=str(problem), code=problem.code)
    except web.HTTPException as problem:
        said = f"{request.method} {request.path}: {problem.reason}"
        return error(problem.status, message=said)


async def _named(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["x-request-id"] = f"req_{secrets.token_hex(16)}"


@web.middleware
async def _keyed(request: web.Request, handler: Handler) -> web.StreamResponse:
    key = request.app[KEY]
    given = request.headers.get("Authorization", "")
    if key and request.path.startswith("/v1/") and given != f"Bearer {key}":
        return error(401, message=None if given else "An API key must be sent as a bearer token.")
    return await handler(request)


def _parsed(raw: bytes) -> object:
    text = raw.decode(errors="replace")
    try:
        return json.loads(text) if text else None
    except json.JSONDecodeError:
        return text


def _record(request: web.Request) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in request.headers.items()}
    if "authorization" in headers:
        headers["authorization"] = "present"
    return {"path": request.path, "headers": headers, "body": request[BODY]}
