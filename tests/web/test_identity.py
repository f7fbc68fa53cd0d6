"""`AUTH_MODE=none`: who may serve without asking, who is what then, and the demo switch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from assistant.models import Principal
from assistant.web.keys import PARTS
from tests import client, processes
from tests.conftest import MakeServer
from tests.loglines import Written
from tests.web.conftest import MakeSite
from tests.web.identities import command
from tests.web.rawhttp import wired
from tests.web.site import Site
from tests.web.sockets import Socket

EVIL = "https://evil.example"
HEADER = "X-Demo-As"


async def told(site: Site, path: str = "/sessions", **headers: str) -> client.Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with site.http.get(path, headers=named) as response:
        return await client.answer_of(response)


async def test_an_open_address_needs_a_word(tmp_path: Path) -> None:
    code, out, said = await command(tmp_path, "serve", HOST="0.0.0.0")
    assert (code, out, said.count("\n")) == (2, "", 1)
    for word in ("AUTH_MODE", "HOST=0.0.0.0", "AUTH_MODE=api_key", "ALLOW_NO_AUTH=true"):
        assert word in said


async def test_an_open_address_with_the_word_has_visitors_only(tmp_path: Path) -> None:
    async with (
        processes.server(tmp_path, HOST="0.0.0.0", ALLOW_NO_AUTH="true") as running,
        aiohttp.ClientSession(running.url.replace("0.0.0.0", "127.0.0.1")) as http,
    ):
        async with http.get("/") as response:
            assert (await response.json())["auth"] == {"mode": "none", "demo_switch": False}
        async with http.get("/sessions") as response:
            assert response.status == 200
        async with http.get("/stats") as response:
            assert response.status == 403
        async with http.get("/sessions", headers={HEADER: "staff"}) as response:
            assert response.status == 403


async def test_a_worker_s_health_is_no_open_door(tmp_path: Path) -> None:
    async with (
        processes.redis_server(tmp_path / "redis") as redis,
        processes.worker(
            tmp_path, HOST="0.0.0.0", RUN_MODE="workers", REDIS_URL=redis.url, WORKER_PORT=0
        ) as running,
        aiohttp.ClientSession(running.url.replace("0.0.0.0", "127.0.0.1")) as http,
    ):
        async with http.get("/health/live") as response:
            assert response.status == 200
        async with http.get("/stats") as response:
            assert response.status == 404


async def test_whoever_is_on_this_machine_runs_the_server(site: Site) -> None:
    assert (await told(site, "/stats")).status == 200
    for host in ("localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST"):
        assert (await told(site, "/stats", Host=host)).status == 200, host
    for host in ("evil.example", "evil.example:8000", "10.0.0.1", "localhost.evil.example", "[::"):
        assert (await told(site, "/stats", Host=host)).status in {400, 403}, host


@pytest.mark.parametrize(
    ("settings", "on"),
    [
        ({}, True),
        ({"DEMO_SWITCH": "off"}, False),
        ({"DEMO_SWITCH": "on"}, True),
    ],
)
async def test_the_root_tells_of_the_switch(
    make_site: MakeSite, settings: dict[str, str], *, on: bool
) -> None:
    site = await make_site(**settings)
    assert (await site.get("/"))["auth"] == {"mode": "none", "demo_switch": on}
    assert (await told(site, X_Demo_As="patient")).status == (200 if on else 403)


async def test_the_switch_s_people_have_their_own(site: Site) -> None:
    for who in ("visitor", "patient", "staff"):
        for _ in range(2):
            await site.post("/sessions", {}, 201, X_Demo_As=who)
        # Whoever plays the patient still runs the server.
        assert (await told(site, "/stats", X_Demo_As=who)).status == 200
    seen: set[str] = set()
    for who in ("visitor", "patient", "staff"):
        async with site.http.get("/sessions", headers={HEADER: who}) as response:
            found = {each["session_id"] for each in (await response.json())["sessions"]}
        assert len(found) == 2
        assert seen.isdisjoint(found)
        seen |= found
    assert (await site.get("/sessions"))["count"] == 2


async def test_a_run_carries_whom_the_switch_names(site: Site) -> None:
    app = site.server.app
    assert app is not None
    runs = app[PARTS].store.runs
    expected = {
        "visitor": Principal("visitor", frozenset({"operator"})),
        "patient": Principal("patient:P-100001", frozenset({"patient", "operator"}), "P-100001"),
        "staff": Principal("staff:demo", frozenset({"staff", "operator"})),
    }
    for who, principal in expected.items():
        answer = await site.post("/chat", {"message": "hello"}, X_Demo_As=who)
        run = await runs.get(answer["run_id"])
        assert run is not None
        assert run.principal == principal


@pytest.mark.parametrize("value", ["", "admin", "Patient", "patient,staff", "é"])
async def test_a_role_that_there_is_not_is_named(site: Site, value: str) -> None:
    detail = client.check_error(await told(site, X_Demo_As=value), 400)["detail"]
    assert HEADER in detail
    assert "visitor, patient, staff" in detail


async def test_the_switch_is_for_this_machine_s_own_page(site: Site, logged: Written) -> None:
    own = str(site.server.make_url("/")).rstrip("/")
    assert (await told(site, X_Demo_As="staff", Origin=own)).status == 200
    for headers in (
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": own.replace("http", "https") + "0"},
        # A name that another site has bound to this machine, so that the browser sees one site.
        {"Host": "evil.example:8000", "Origin": "http://evil.example:8000"},
        {"Host": "evil.example"},
    ):
        answer = await told(site, X_Demo_As="staff", **headers)
        client.check_error(answer, 403)
    assert {line["status"] for line in logged.lines} == {200, 403}


@pytest.mark.parametrize("origins", ["", "https://clinic.example", "*", EVIL])
async def test_a_page_of_another_site_cannot_switch(make_site: MakeSite, origins: str) -> None:
    site = await make_site(CORS_ORIGINS=origins)
    asked = {
        "Origin": EVIL,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "x-demo-as",
    }
    async with site.http.options("/sessions", headers=asked) as response:
        refused = "Access-Control-Allow-Origin" not in response.headers
    # What a browser sends after a preflight that went well; otherwise nothing at all.
    assert refused == (origins not in {"*", EVIL})
    assert (await told(site, X_Demo_As="staff", Origin=EVIL)).status == 403


async def test_over_a_websocket(site: Site) -> None:
    async with site.http.ws_connect("/ws/p?demo_as=patient") as ws:
        assert (await Socket(ws).ask("hello"))[-1]["type"] == "response_complete"
    assert (await told(site, "/sessions/p")).status == 404
    assert (await told(site, "/sessions/p", X_Demo_As="patient")).status == 200
    own = str(site.server.make_url("/")).rstrip("/")
    async with site.http.ws_connect("/ws/s?demo_as=staff", headers={"Origin": own}) as ws:
        assert not ws.closed
    for path, origin, status in (
        ("/ws/x?demo_as=staff", EVIL, 403),
        ("/ws/x?demo_as=boss", own, 400),
        ("/ws/p?demo_as=staff", own, 404),
        ("/ws/p", own, 404),
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await site.http.ws_connect(path, headers={"Origin": origin})
        assert refused.value.status == status, path


async def test_over_a_websocket_without_the_switch(make_site: MakeSite) -> None:
    site = await make_site(DEMO_SWITCH="off", CORS_ORIGINS="*")
    for path, status in (("/ws/x?demo_as=staff", 403), ("/ws/y", 101)):
        try:
            async with site.http.ws_connect(path, headers={"Origin": EVIL}):
                assert status == 101
        except aiohttp.WSServerHandshakeError as refused:
            assert refused.status == status  # noqa: PT017 - either way is right for one of them
    # As no WebSocket, the query is nobody's business.
    assert (await told(site, "/sessions?demo_as=staff")).status == 200


async def test_what_is_open_asks_nobody(make_server: MakeServer) -> None:
    asked: list[str] = []

    async def identify(request: web.Request) -> Principal:
        asked.append(request.path)
        return Principal("ann")

    server: Any = await make_server(identify=identify)
    for path in ("/", "/health", "/health/live", "/ui/", "/docs", "/openapi.json", "/nowhere"):
        async with server.get(path) as response:
            assert response.status in {200, 404}
    assert asked == []
    async with server.get("/sessions", headers={HEADER: "staff"}) as response:
        assert response.status == 200
    assert asked == ["/sessions"]
    async with server.get("/") as response:
        assert (await response.json())["auth"] == {"mode": "application", "demo_switch": False}


async def test_only_our_subprotocol_is_taken(site: Site, logged: Written) -> None:
    async with site.http.ws_connect("/ws/one", protocols=["assistant", "bearer.canary7f3a"]) as ws:
        assert ws.protocol == "assistant"
    async with site.http.ws_connect("/ws/one") as ws:
        assert ws.protocol is None
    for offered in ("bearer.canary7f3a", "graphql-ws, bearer.canary7f3a"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await site.http.ws_connect("/ws/one", headers={"Sec-WebSocket-Protocol": offered})
        assert refused.value.status == 400
    async with wired(site) as wire:
        lines = ["GET /ws/one HTTP/1.1", "Host: localhost", "Upgrade: websocket"]
        lines += ["Connection: Upgrade", "Sec-WebSocket-Version: 13"]
        lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
        lines += ["Sec-WebSocket-Protocol: bearer.canary7f3a", "Sec-WebSocket-Protocol: assistant"]
        await wire.send("\r\n".join([*lines, "", ""]).encode())
        answer = await wire.hear()
        assert answer is not None
        assert answer.status == 400
    assert "canary7f3a" not in logged.text
