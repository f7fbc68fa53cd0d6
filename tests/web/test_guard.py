"""The rules of the route table: every route has one, and it alone keeps others out."""

from __future__ import annotations

import itertools

from aiohttp import web

from assistant.settings import Settings
from assistant.web import create_app
from assistant.web.guard import add_routes
from assistant.web.keys import RULES
from assistant.web.replies import StateReply
from assistant.web.routes import ROUTES
from assistant.web.routing import Access, get
from tests.conftest import MakeServer
from tests.web.identities import KINDS, House, expected, things_of

CORS = "https://clinic.example"


def test_every_route_has_a_rule() -> None:
    app = create_app(Settings.from_mapping({"CORS_ORIGINS": CORS}))
    rules = app[RULES]
    assert set(app.router.routes()) == rules.keys()
    documented = {(row.method, row.path): row.access for row in ROUTES}
    found = {(r.method, r.resource.canonical): rule for r, rule in rules.items() if r.resource}
    assert found.items() >= documented.items()
    # What is named in a path is somebody's; whoever adds another kind of door says so here, too.
    owned = {path for _, path in documented if "_id}" in path}
    kinds = {path: rule for (_, path), rule in documented.items() if path in owned}
    assert set(kinds.values()) == {Access.OWN, Access.OWN_OR_NEW}
    assert [path for path, rule in kinds.items() if rule is Access.OWN_OR_NEW] == [
        "/ws/{session_id}"
    ]
    assert {path for (_, path), rule in documented.items() if rule is Access.OPERATOR} == {
        "/metrics",
        "/stats",
    }
    called = {path: rule for (method, path), rule in found.items() if method != "OPTIONS"}
    assert {path for path, rule in called.items() if rule is Access.OPEN} == {
        *("/", "/health", "/health/live", "/health/ready", "/openapi.json", "/docs", "/redoc"),
        *("/docs/assets/{name}", "/ui", "/ui/", "/ui/{name}"),
    }


async def test_a_route_without_a_rule_answers_nobody(make_server: MakeServer) -> None:
    met = []

    async def secret(_request: web.Request) -> web.Response:
        met.append("secret")
        return web.json_response({})

    server = await make_server()
    app = server.app
    assert app is not None
    app.router._frozen = False
    app.router.add_get("/secret", secret)
    for method in ("GET", "HEAD"):
        async with server.request(method, "/secret") as response:
            assert response.status == 500
    assert met == []


async def test_the_rule_alone_keeps_strangers_out(house: House) -> None:
    """Handlers that look at nothing themselves, behind each rule."""

    async def careless(_request: web.Request) -> web.Response:
        return web.json_response({})

    app = house.site.server.app
    assert app is not None
    app.router._frozen = False
    paths = {
        "/careless/{session_id}": Access.OWN,
        "/careless/runs/{run_id}": Access.OWN,
        "/careless/runs/{run_id}/{call_id}": Access.OWN,
        "/careless/new/{session_id}": Access.OWN_OR_NEW,
        "/careless/all": Access.ANY,
        "/careless/numbers": Access.OPERATOR,
        "/careless/open": Access.OPEN,
    }
    rows = [
        get(path, careless, "Careless", StateReply, access=access, tag="Tests")
        for path, access in paths.items()
    ]
    add_routes(app, rows)
    things = await things_of(house.member("patient-a"))
    for (path, access), who in itertools.product(paths.items(), KINDS):
        target = path.format_map({name: getattr(things, name) for name in things.__slots__})
        answer = await house.member(who).ask("GET", target)
        assert answer.status in expected(access, who, "patient-a"), (path, who, answer)
