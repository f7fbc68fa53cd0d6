"""The application: routes, middleware, and the one context that opens everything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp_cors
from aiohttp import web

from assistant.settings import Settings
from assistant.web import about
from assistant.web.docs import add_docs
from assistant.web.keys import LIFE, PARTS, SETTINGS, Life
from assistant.web.middleware import (
    Identify,
    add_headers,
    answer_errors,
    anyone,
    correlate,
    identified,
    log_access,
)
from assistant.web.routes import ROUTES
from assistant.wiring import Role, open_parts

if TYPE_CHECKING:
    from assistant.tool import Tools

_STATIC = Path(str(resources.files("assistant.web") / "static"))


def create_app(
    settings: Settings, tools: Tools | None = None, identify: Identify | None = None
) -> web.Application:
    """Return the application; nothing is opened before it starts.

    Args:
        settings: the whole configuration.
        tools: tools that personas may name besides the built-in ones.
        identify: says on whose behalf a request is made, for an application that knows its
            users; may raise `ForbiddenError` or `NotFoundError`. Without it everyone is the
            same visitor, without any role.
    """
    app = _bare(settings, tools, identify or anyone, "server")
    for route in ROUTES:
        app.router.add_route(route.method, route.path, route.handler)
    add_docs(app)
    _allow_origins(app, settings)
    _add_page(app)
    return app


def create_worker_app(settings: Settings, tools: Tools | None = None) -> web.Application:
    """Return the application of a worker, which executes runs and tells no more than its health."""
    app = _bare(settings, tools, anyone, "worker")
    for path, handler in (
        ("/health", about.health),
        ("/health/live", about.live),
        ("/health/ready", about.ready),
    ):
        app.router.add_get(path, handler)
    return app


def _bare(
    settings: Settings, tools: Tools | None, identify: Identify, role: Role
) -> web.Application:
    """Return an application without routes, which opens all parts when it starts."""
    app = web.Application(
        middlewares=[correlate, log_access, answer_errors, identified(identify)],
        client_max_size=settings.max_body_bytes,
    )
    app[SETTINGS] = settings
    app[LIFE] = Life()

    async def parts(app: web.Application) -> AsyncIterator[None]:
        async with open_parts(settings, tools, role) as opened:
            app[PARTS] = opened
            yield

    async def close_streams(app: web.Application) -> None:
        app[LIFE].closing.set()

    app.cleanup_ctx.append(parts)
    app.on_shutdown.append(close_streams)
    app.on_response_prepare.append(add_headers)
    return app


def _add_page(app: web.Application) -> None:
    """Add the web page and its files; aiohttp's own static route has no error body of ours."""
    names = frozenset(path.name for path in _STATIC.iterdir())

    async def to_page(_request: web.Request) -> web.Response:
        raise web.HTTPSeeOther("/ui/")

    async def file(request: web.Request) -> web.FileResponse:
        name = request.match_info.get("name", "index.html")
        if name not in names:
            raise web.HTTPNotFound
        return web.FileResponse(_STATIC / name)

    app.router.add_get("/ui", to_page)
    app.router.add_get("/ui/", file)
    app.router.add_get("/ui/{name}", file)


def _allow_origins(app: web.Application, settings: Settings) -> None:
    if not settings.cors_origins:
        return
    options = aiohttp_cors.ResourceOptions(  # type: ignore[no-untyped-call]
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers="*",
        expose_headers=["X-Correlation-ID", "X-Run-ID", "Retry-After"],
        max_age=600,
    )
    cors = aiohttp_cors.setup(app, defaults=dict.fromkeys(settings.cors_origins, options))
    for route in list(app.router.routes()):
        cors.add(route)
