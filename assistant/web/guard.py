"""Enforces the route table's rules on who may pass: the one place that does, before any handler."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from aiohttp import web
from aiohttp.typedefs import Handler

from assistant.errors import ForbiddenError
from assistant.metrics import clients
from assistant.models import OPERATOR
from assistant.web.keys import IDENTITY, PARTS, PRINCIPAL, RULES
from assistant.web.reading import session_id
from assistant.web.routing import Access, Route


def add_routes(app: web.Application, routes: Iterable[Route]) -> None:
    """Add rows of the route table to an application, with their rules."""
    for row in routes:
        route = app.router.add_route(row.method, row.path, row.handler)
        app[RULES][route] = row.access
        clients.ROUTE.admit([row.path])


def open_preflights(app: web.Application) -> None:
    """Let browsers ask by OPTIONS whether they may call: they tell nobody's name with that."""
    for route in app.router.routes():
        if route.method == "OPTIONS":
            app[RULES].setdefault(route, Access.OPEN)


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request through to the handler where its route's rule allows it.

    A path or method without a route is everybody's to ask for; a route without a rule is a
    fault of ours, and answers nobody.
    """
    if request.match_info.http_exception is None:
        access = request.app[RULES][request.match_info.route]
        if access is not Access.OPEN:
            request[PRINCIPAL] = await request.app[IDENTITY].identify(request)
            await _check(access, request)
    return await handler(request)


async def _check(access: Access, request: web.Request) -> None:
    match access:
        case Access.OPEN | Access.ANY:
            pass
        case Access.OPERATOR:
            if OPERATOR not in request[PRINCIPAL].roles:
                detail = f"This is for the role '{OPERATOR}' only."
                raise ForbiddenError(detail)
        case Access.OWN:
            await _find(request)
        case Access.OWN_OR_NEW:
            await request.app[PARTS].runs.sessions.to_continue(
                session_id(request), request[PRINCIPAL].name, None
            )
        case _:
            assert_never(access)


async def _find(request: web.Request) -> None:
    """Look for what the path names, as its services do: what is another's is not there."""
    runs, principal, named = request.app[PARTS].runs, request[PRINCIPAL], request.match_info
    if "call_id" in named:
        await runs.approvals.get(named["run_id"], named["call_id"], principal)
    elif "run_id" in named:
        await runs.get(named["run_id"], principal.name)
    else:
        await runs.sessions.known(session_id(request), principal.name)
