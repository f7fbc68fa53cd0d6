"""`AUTH_MODE=api_key`: keys in headers and on WebSockets, and the making of them."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import aiohttp
import pytest

from assistant.web.identity.api_keys import new_key
from tests import client, processes
from tests.conftest import MakeServer
from tests.loglines import Written
from tests.web.identities import House, command, write_keys


async def asked(house: House, headers: dict[str, str], path: str = "/sessions") -> client.Answer:
    async with house.site.http.get(path, headers=headers) as response:
        return await client.answer_of(response)


async def test_a_key_in_either_header(house: House) -> None:
    key = house.keys["staff"]
    for headers in (
        {"Authorization": f"Bearer {key}"},
        {"Authorization": f"bearer  {key}"},
        {"X-API-Key": key},
        {"X-API-Key": key, "Authorization": f"Bearer {key}"},
    ):
        assert (await asked(house, headers)).status == 200, headers
    about = await house.site.get("/")
    assert about["auth"] == {"mode": "api_key", "demo_switch": False}


async def test_what_is_no_key_is_told_so(house: House) -> None:
    key = house.keys["staff"]
    for headers, words in (
        ({}, "Say who you are"),
        ({"X-API-Key": ""}, "Say who you are"),
        ({"Authorization": "Bearer "}, "Say who you are"),
        ({"Authorization": f"Bearer {key}x"}, "not known"),
        ({"Authorization": f"Bearer {key[:-1]}"}, "not known"),
        ({"Authorization": f"Bearer {key.upper()}"}, "not known"),
        ({"X-API-Key": hashlib.sha256(key.encode()).hexdigest()}, "not known"),
        ({"X-API-Key": "é"}, "not known"),
        ({"Authorization": key}, "must be 'Bearer <token>'"),
        ({"Authorization": "Basic dXNlcjpwYXNz"}, "must be 'Bearer <token>'"),
        ({"X-API-Key": key, "Authorization": f"Bearer {house.keys['operator']}"}, "more than one"),
    ):
        answer = await asked(house, headers)
        detail = client.check_error(answer, 401)["detail"]
        assert words in detail
        assert key not in detail
        challenge = answer.headers["WWW-Authenticate"]
        assert challenge.startswith('Bearer realm="persona-assistant"')
        assert ("invalid_token" in challenge) == ("Say who you are" not in words)


async def test_the_demo_switch_is_not_passed_over(house: House) -> None:
    for headers in ({}, house.member("staff").headers):
        answer = await asked(house, headers | {"X-Demo-As": "staff"})
        assert "DEMO_SWITCH" in client.check_error(answer, 403)["detail"]


async def test_a_page_s_websocket_brings_the_key_as_a_subprotocol(
    house: House, logged: Written
) -> None:
    key = house.keys["patient-a"]
    http = house.site.http
    offered = ["assistant", f"bearer.{key}"]
    async with http.ws_connect("/ws/one", protocols=offered) as ws:
        assert ws.protocol == "assistant"
        await ws.send_json({"type": "ping"})
        assert await ws.receive_json(timeout=5) == {"type": "pong"}
    assert (await asked(house, house.member("patient-a").headers, "/sessions/one")).status == 200
    for protocols, status in (
        ([], 401),
        (["assistant"], 401),
        (["assistant", "bearer."], 401),
        (["assistant", "bearer.wrong"], 401),
        ([f"bearer.{key}"], 400),
        (["assistant", f"bearer.{house.keys['patient-b']}"], 404),
        ([*offered, "bearer.other"], 401),
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect("/ws/one", protocols=protocols)
        assert refused.value.status == status, protocols
    assert key not in logged.text
    assert "bearer." not in logged.text


async def test_keys_are_in_no_line_of_a_server_s_log(tmp_path: Path) -> None:
    keys = write_keys(tmp_path / "keys.yaml")
    settings = {"AUTH_MODE": "api_key", "API_KEYS_FILE": tmp_path / "keys.yaml"}
    async with processes.server(tmp_path, HOST="0.0.0.0", LOG_LEVEL="DEBUG", **settings) as running:
        url = running.url.replace("0.0.0.0", "127.0.0.1")
        async with aiohttp.ClientSession(url) as http:
            for key in (*keys.values(), "canary7f3a"):
                for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
                    async with http.get(f"/sessions?key={key}", headers=headers) as response:
                        assert response.status == (401 if key == "canary7f3a" else 200)
                for offered in (f"assistant, bearer.{key}", f"bearer.{key}"):
                    protocol = {"Sec-WebSocket-Protocol": offered}
                    async with http.get("/ws/one", headers=protocol) as response:
                        assert response.status >= 400
        await running.terminate()
        text = running.log.read_text()
    assert "http.request" in text
    assert not [key for key in (*keys.values(), "canary7f3a", "bearer.") if key in text]


async def test_the_file_is_read_again_when_it_changes(
    house: House, tmp_path: Path, logged: Written
) -> None:
    path = tmp_path / "keys.yaml"
    before = house.member("staff").headers
    path.write_text("keys: [")
    await until(logged, "identity.file.rejected")
    assert "is not YAML (line 1)" in logged.text
    assert (await asked(house, before)).status == 200
    path.unlink()
    await until(logged, "identity.file.rejected", 2)
    assert (await asked(house, before)).status == 200
    keys = write_keys(path)
    await until(logged, "identity.file.loaded")
    assert (await asked(house, before)).status == 401
    assert (await asked(house, {"X-API-Key": keys["staff"]})).status == 200
    assert not [key for key in keys.values() if key in logged.text]


async def until(logged: Written, event: str, times: int = 1) -> None:
    async with asyncio.timeout(10):
        while sum(line["event"] == event for line in logged.lines) < times:
            await asyncio.sleep(0.02)


async def test_the_command_makes_keys_that_the_server_takes(
    make_server: MakeServer, tmp_path: Path
) -> None:
    code, key, said = await command(
        tmp_path, *("key", "--name", "ann", "--role", "staff", "--role", "operator")
    )
    assert code == 0
    entry = said.partition("`keys:`:\n\n")[2]
    assert key.strip() not in said
    (tmp_path / "keys.yaml").write_text(f"keys:\n{entry}")
    server = await make_server(AUTH_MODE="api_key", API_KEYS_FILE=tmp_path / "keys.yaml")
    async with server.get("/stats", headers={"X-API-Key": key.strip()}) as response:
        assert response.status == 200


async def test_the_terminal_says_who_it_is(tmp_path: Path) -> None:
    keys = write_keys(tmp_path / "keys.yaml")
    mode = {"AUTH_MODE": "api_key", "API_KEYS_FILE": tmp_path / "keys.yaml"}
    async with processes.server(tmp_path, **mode) as running:
        chat = ("chat", "jaime_therapist", "--url", running.url)
        code, out, said = await command(tmp_path, *chat)
        assert (code, out) == (2, "")
        assert "ASSISTANT_TOKEN" in said
        code, out, said = await command(tmp_path, *chat, ASSISTANT_TOKEN=keys["visitor-a"])
        assert (code, said) == (0, "")
        assert "Jaime" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--name", "a b"), "--name"),
        (("--name", "a", "--role", "Boss"), "--role"),
        (("--name", "a", "--role", "patient"), "patient's number"),
        (("--name", "a", "--role", "patient", "--subject", "P 1"), "--subject"),
        (("--role", "staff"), "--name"),
    ],
)
async def test_the_command_refuses_what_the_server_would(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    code, out, said = await command(tmp_path, "key", *arguments)
    assert (code, out) == (2, "")
    assert words in said


def test_keys_are_long_and_never_the_same() -> None:
    made = [new_key("a", (), None) for _ in range(1_000)]
    assert len({key for key, _ in made}) == len({entry.hash for _, entry in made}) == 1_000
    for key, entry in made:
        # 256 bits in base64, behind a prefix by which it is known in a log or a diff.
        assert (len(key), key[:4]) == (47, "pak_")
        assert entry.hash == f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"
