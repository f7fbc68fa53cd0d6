"""Every route of the server's own table: asked well, asked wrongly, and for what is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import web

from assistant.settings import Settings
from assistant.web import create_app
from tests.telemetry.canaries.turn import ALL, REASON, SECRETS, Play, Turn, Visit, asking

LOUD: Mapping[str, str] = {
    "User-Agent": "canary/1 (<said>; <email>; <openai>)",
    "Referer": "https://app.example/<said>?token=<token>&email=<email>",
    "Cookie": "session=<token>; who=<email>; csrf=<password>",
    "X-Forwarded-For": "<phone>, <said>",
    "X-API-Key": "<ours>",
    "X-User": "<name>",
    "Proxy-Authorization": "Bearer <token2>",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "tracestate": "vendor=<said>,other=<token>",
    "baggage": "user=<said>,mail=<email>,key=<openai>",
}
"""Headers as browsers, proxies and careless clients send them."""
QUERY = "?q=<said>&email=<email>&api_key=<openai>&token=<jwt>&phone=<phone>"
_BODIES: Mapping[str, Any] = {
    "/chat": {"message": ALL, "background": True, "user_id": "<email>"},
    "/sessions": {"user_id": "<email>", "context": {"page": "<said>", "password": "<password>"}},
    "/runs/{run_id}/approvals/{call_id}": {"decision": "reject", "reason": REASON},
}
_MISSING: Mapping[str, str] = {
    "session_id": "<said>-<openai>",
    "run_id": "run_<said>",
    "call_id": "<github>",
    "name": "<said>.<jwt>",
}


def routes() -> Iterator[tuple[str, str]]:
    """Yield the method and path of every route that a server has."""
    values: dict[str, str | None] = {"CORS_ORIGINS": "https://app.example"}
    app: web.Application = create_app(Settings.from_mapping(values))
    for route in app.router.routes():
        assert route.resource is not None
        yield route.method, route.resource.canonical


def _well(method: str, path: str) -> Play:
    async def play(visit: Visit) -> None:
        note = '[[tool: write_note {"text": "<said> <email>"}]]'
        ids = await visit.owned(note) if "{" in path else {}
        if path.endswith(("/events", "/stream")):
            await visit.ask("POST", f"/runs/{ids['run_id']}/cancel", {})
        body = _BODIES.get(path) if method == "POST" else None
        await visit.ask(method, path.format_map(ids) + QUERY, body, LOUD)

    return play


def _turns() -> Iterator[Turn]:
    for method, path in routes():
        name = f"{method} {path}"
        yield Turn("none", f"{name}, well", _well(method, path))
        yield Turn(
            "what is asked for is not there",
            f"{name}, of nothing",
            asking(
                method,
                path.format_map(_MISSING) + QUERY,
                {"message": SECRETS, "<email>": ALL},
                headers=LOUD,
            ),
        )
        if method == "GET":
            wrong = asking("PATCH", path.format_map(_MISSING) + QUERY, {"x": ALL}, headers=LOUD)
            yield Turn("the method is wrong", f"PATCH {path}", wrong)


ROUTES = frozenset(routes())
_NOWHERE = asking("GET", "/<said>/<email>/<openai>" + QUERY)
TURNS = (*_turns(), Turn("there is no such path", "GET /<said>", _NOWHERE))
