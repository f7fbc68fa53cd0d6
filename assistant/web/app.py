"""The application: routes, middleware, and the one context that opens everything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp_cors
from aiohttp import web

from assistant.settings import Settings
from assistant.web.docs import docs_routes
from assistant.web.guard import add_routes, guard, open_preflights
from assistant.web.identity import open_identity
from assistant.web.keys import IDENTITY, LIFE, PARTS, RULES, SETTINGS, Identify, Identity, Life
from assistant.web.metrics import measuring
from assistant.web.middleware import add_headers, answer_errors, correlate, log_access
from assistant.web.routes import ROUTES, WORKER_ROUTES
from assistant.web.routing import Route, file
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
            users; may raise `UnauthenticatedError`, `ForbiddenError` or `NotFoundError`. It
            wins over `AUTH_MODE`, which says it otherwise.
    """
    identity = nullcontext(Identity(identify, "application")) if identify else None
    app = _bare(settings, tools, "server", identity or open_identity(settings))
    mode = "none" if identify else settings.auth_mode
    add_routes(app, [*ROUTES, *docs_routes(mode)])
    _allow_origins(app, settings)
    add_routes(app, _page())
    return app


def create_worker_app(settings: Settings, tools: Tools | None = None) -> web.Application:
    """Return the application of a worker, which executes runs and tells how it is."""
    app = _bare(settings, tools, "worker")
    add_routes(app, WORKER_ROUTES)
    return app


def _bare(
    settings: Settings,
    tools: Tools | None,
    role: Role,
    identity: AbstractAsyncContextManager[Identity] | None = None,
) -> web.Application:
    """Return an application without routes, which opens all parts when it starts."""
    app = web.Application(
        middlewares=[correlate, log_access, answer_errors, guard],
        client_max_size=settings.max_body_bytes,
    )
    app[SETTINGS] = settings
    app[LIFE] = Life()
    app[RULES] = {}

    async def parts(app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if identity is not None:
                app[IDENTITY] = await stack.enter_async_context(identity)
            app[PARTS] = await stack.enter_async_context(open_parts(settings, tools, role))
            await stack.enter_async_context(measuring(app, app[PARTS]))
            yield

    async def close_streams(app: web.Application) -> None:
        app[LIFE].closing.set()

    app.cleanup_ctx.append(parts)
    app.on_shutdown.append(close_streams)
    app.on_response_prepare.append(add_headers)
    return app


def _page() -> tuple[Route, ...]:
    """Return the rows of the web page; aiohttp's own static route has no error body of ours."""
    names = frozenset(path.name for path in _STATIC.iterdir())

    async def to_page(_request: web.Request) -> web.Response:
        raise web.HTTPSeeOther("/ui/")

    async def page(request: web.Request) -> web.FileResponse:
        name = request.match_info.get("name", "index.html")
        if name not in names:
            raise web.HTTPNotFound
        return web.FileResponse(_STATIC / name)

    return (
        *file("/ui", to_page, "The way to the web page"),
        *file("/ui/", page, "The web page"),
        *file("/ui/{name}", page, "What the page is made of"),
    )


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
    open_preflights(app)
