"""`/ws/ID`: what a socket survives, what closes it, and who may open one."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from tests import client
from tests.loglines import Written
from tests.web.conftest import MakeSite
from tests.web.site import HELD, Site
from tests.web.sockets import Socket, connected

CHAT = {"type": "chat_message", "message": "hello"}
PAGE = "https://clinic.example"
FOREIGN = [
    PAGE,
    "null",
    "",
    "http://127.0.0.1",
    "https://clinic.example.evil.example",
    "http://{host}.evil.example",
    "http://user@evil.example/{host}",
    "http://{host}@evil.example",
    "https://b.example",
]


def _chat(**fields: Any) -> str:
    return json.dumps(CHAT | fields)


MALFORMED: list[tuple[str | bytes, str]] = [
    ("", "JSON"),
    ("hello", "JSON"),
    ("{", "JSON"),
    ('{"type": "ping"} {}', "JSON"),
    ("[]", "object"),
    ("null", "object"),
    ('"ping"', "object"),
    ("NaN", "JSON"),
    ('{"type": "ping", "at": 1e999}', "JSON"),
    ("[" * 100_000, ""),
    ('{"a":' * 40 + "1" + "}" * 40, ""),
    ("{}", "Field 'type'"),
    ('{"type": null}', "Field 'type'"),
    ('{"type": ["ping"]}', "Field 'type'"),
    ('{"type": "approve_all"}', "Field 'type'"),
    ('{"type": "ping", "extra": 1}', "Field 'extra'"),
    ('{"type": "chat_message"}', "Field 'message'"),
    (_chat(message=""), "Field 'message"),
    (_chat(message="  \n"), "Field 'message"),
    (_chat(message=None), "Field 'message"),
    (_chat(message=7), "Field 'message"),
    (_chat(message="x" * 16_001), "Field 'message"),
    (_chat(message={"content": "x", "role": "assistant"}), "Field 'message"),
    (_chat(message={"text": "x"}), "Field 'message"),
    (_chat(message="\ud800"), "JSON"),
    (_chat(session_id="other"), "Field 'session_id'"),
    (_chat(persona_type=3), "Field 'persona_type'"),
    (_chat(persona_type="nobody"), "persona"),
    (_chat(persona_type="a\r\nb"), "Field 'persona_type'"),
    (_chat(context=[]), "Field 'context'"),
    (_chat(history=[{"role": "system", "content": "x"}]), "Field 'history"),
    (_chat(if_busy="explode"), "Field 'if_busy'"),
    ('{"type": "resume"}', "Field 'run_id'"),
    ('{"type": "resume", "run_id": "run_x", "after": -2}', "Field 'after'"),
    ('{"type": "resume", "run_id": "run_x", "after": "0"}', "Field 'after'"),
    ('{"type": "cancel", "run_id": 5}', "Field 'run_id'"),
    (b'{"type": "ping"}', "text"),
    (b"\xff\xfe\x00", "text"),
]


async def test_a_malformed_message_is_an_error_and_the_socket_stays(
    socket: Socket, logged: Written, subtests: pytest.Subtests
) -> None:
    for number, (sent, named) in enumerate(MALFORMED):
        with subtests.test(sent=sent[:60]):
            answer = await socket.refused(sent)
            assert set(answer) == {"type", "message", "code", "correlation_id"}
            assert answer["type"] == "error"
            assert answer["code"] in {"invalid_request", "not_found"}
            assert named in answer["message"]
            assert len(logged.lines) == number + 1
    assert {line["event"] for line in logged.lines} == {"socket.refused"}
    assert (await socket.ask("still there"))[-1]["content"] == "turn 1: still there"


async def test_a_message_too_big_closes_with_1009(make_site: MakeSite) -> None:
    site = await make_site(MAX_BODY_BYTES=20_000)
    for size, code in ((19_000, None), (20_100, 1009), (200_000, 1009)):
        async with connected(site) as socket:
            await socket.ws.send_str(json.dumps({"type": "ping", "x": "y" * size}))
            if code is None:
                assert (await socket.hear())["type"] == "error"
            else:
                assert await socket.closed() == code


async def test_text_that_is_no_utf_8_closes_the_socket(site: Site, socket: Socket) -> None:
    await socket.ws._writer.send_frame(b"\xff\xfe", aiohttp.WSMsgType.TEXT)
    assert await socket.closed() == aiohttp.WSCloseCode.INVALID_TEXT
    await site.connected("websocket", 0)


async def test_an_idle_socket_closes_with_4408(make_site: MakeSite) -> None:
    site = await make_site(WEBSOCKET_IDLE_SECONDS=0.2)
    async with connected(site) as socket:
        assert await socket.closed() == 4408


async def test_a_socket_that_follows_a_run_is_not_idle(make_site: MakeSite) -> None:
    site = await make_site(WEBSOCKET_IDLE_SECONDS=0.1)
    async with connected(site) as idle, connected(site, "two") as busy:
        await busy.send("chat_message", message=HELD)
        await site.journal.until(lambda model: model.held == 1)
        assert await idle.closed() == 4408
        async with connected(site) as again:
            assert await again.closed() == 4408
        site.journal.release()
        assert (await busy.hear_out())[-1]["content"] == "one two three"
        assert await busy.closed() == 4408


async def test_stopping_the_server_closes_with_1001(site: Site, socket: Socket) -> None:
    await socket.send("chat_message", message=HELD)
    await site.journal.until(lambda model: model.held == 1)
    await site.server.app.shutdown()
    kinds = []
    while not socket.ws.closed:
        message = await socket.ws.receive(timeout=5)
        kinds.append(message.type)
    assert socket.ws.close_code == 1001


@pytest.mark.parametrize("named", ["same", "listed", "star", "none"])
async def test_who_may_connect(make_site: MakeSite, named: str) -> None:
    site = await make_site(
        CORS_ORIGINS={"listed": f"https://a.example,{PAGE}", "star": "*"}.get(named, "")
    )
    url = site.server.make_url("/")
    origin = {"same": str(url.origin()), "listed": PAGE, "star": PAGE}.get(named)
    async with connected(site, **({"Origin": origin} if origin else {})) as socket:
        await socket.send("ping")
        assert (await socket.hear())["type"] == "pong"


async def test_a_page_of_another_site_may_not_connect(
    make_site: MakeSite, subtests: pytest.Subtests
) -> None:
    site = await make_site(CORS_ORIGINS="https://a.example")
    url = site.server.make_url("/")
    for origin in FOREIGN:
        given = origin.format(host=f"{url.host}:{url.port}")
        with subtests.test(origin=given):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await site.http.ws_connect("/ws/one", headers={"Origin": given})
            assert refused.value.status == 403
    await site.get("/sessions/one", 404)


async def test_without_an_upgrade_it_says_what_is_needed(site: Site) -> None:
    async with site.http.get("/ws/one") as response:
        assert response.status == 426
        client.check_error(await client.answer_of(response), 426)
        assert response.headers["Upgrade"].lower() == "websocket"
    await site.get("/sessions/one", 404)


async def test_an_id_that_is_none_is_refused(site: Site, subtests: pytest.Subtests) -> None:
    for name in ("a%20b", "%C3%A4", "a%00b", "a%0D%0Ab", "x" * 129, "%F0%9F%98%80"):
        url = site.server.make_url("/").with_path(f"/ws/{name}", encoded=True)
        with subtests.test(name=name):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await site.http.ws_connect(url)
            assert refused.value.status == 400
