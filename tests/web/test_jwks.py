"""An issuer's keys over HTTP: fetched, kept, taken anew, and what happens when they are gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from assistant.errors import SignInUnavailableError
from assistant.web.identity.jwks import RemoteKeys, parse_jwks
from tests import client
from tests.loglines import Written
from tests.web.conftest import MakeSite
from tests.web.identities import command
from tests.web.issuer import MODE, SigningKey, key_set, serving_keys
from tests.web.site import Site
from tests.web.test_api_keys import until
from tests.web.test_tokens import asked

FIRST, SECOND = SigningKey("first"), SigningKey("second", "ES256")


@asynccontextmanager
async def keys_at(url: str, *, fresh: float = 600, pause: float = 0) -> AsyncIterator[RemoteKeys]:
    async with aiohttp.ClientSession() as http:
        keys = RemoteKeys(http, url, fresh=fresh, pause=pause)
        yield keys
        await keys.close()


async def test_a_server_takes_tokens_by_published_keys(make_site: MakeSite) -> None:
    async with serving_keys(FIRST, SECOND) as issuer:
        site = await make_site(**MODE, JWT_JWKS=issuer.url)
        for key in (FIRST, SECOND):
            assert (await asked(site, key.sign())).status == 200
        stranger = SigningKey("third")
        for _ in range(5):
            client.check_error(await asked(site, stranger.sign()), 401)
        assert issuer.asked == 1


async def test_a_new_key_is_fetched_when_it_is_first_met() -> None:
    async with serving_keys(FIRST) as issuer, keys_at(issuer.url) as keys:
        assert await keys.find("RS256", "first") is not None
        assert await keys.find("RS256", "first") is not None
        assert issuer.asked == 1
        issuer.body = key_set(SECOND)
        assert await keys.find("ES256", "second") is not None
        assert issuer.asked == 2
        assert await keys.find("RS256", "first") is None


async def test_names_that_nobody_has_are_not_asked_for_again_and_again() -> None:
    async with serving_keys(FIRST) as issuer, keys_at(issuer.url, pause=0.3) as keys:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while loop.time() - begun < 1:
            assert await keys.find("RS256", "nobody") is None
            await asyncio.sleep(0)
        assert 3 <= issuer.asked <= 5
        asked_for = issuer.asked
        for algorithm in ("HS256", "none", "PS256", ""):
            assert await keys.find(algorithm, "first") is None
        assert issuer.asked == asked_for


async def test_many_who_wait_share_one_fetch_and_who_goes_takes_nothing() -> None:
    async with serving_keys(FIRST) as issuer, keys_at(issuer.url, pause=30) as keys:
        waiting = [asyncio.create_task(keys.find("RS256", "first")) for _ in range(20)]
        await asyncio.sleep(0)
        for task in waiting[::2]:
            task.cancel()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(each, asyncio.CancelledError) for each in found[::2])
        assert all(each is not None for each in found[1::2])
        assert issuer.asked == 1


async def test_a_key_that_was_taken_back_is_not_taken_for_long() -> None:
    async with serving_keys(FIRST, SECOND) as issuer, keys_at(issuer.url, fresh=0.2) as keys:
        assert await keys.find("RS256", "first") is not None
        issuer.body = key_set(SECOND)
        async with asyncio.timeout(5):
            while await keys.find("RS256", "first") is not None:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (404, key_set(SECOND)),
        (302, key_set(SECOND)),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"keys": []}'),
        (200, key_set(SECOND) + b" " * 300_000),
    ],
)
async def test_the_last_good_keys_stay_when_the_url_is_gone(
    logged: Written, status: int, body: bytes
) -> None:
    async with serving_keys(FIRST) as issuer, keys_at(issuer.url) as keys:
        assert await keys.find("RS256", "first") is not None
        issuer.status, issuer.body = status, body
        assert await keys.find("ES256", "second") is None
        assert await keys.find("RS256", "first") is not None
    assert [line["level"] for line in logged.lines if "jwks" in line["event"]] == ["info", "error"]


async def test_without_keys_nobody_is_let_in_and_they_are_tried_again() -> None:
    async with serving_keys(FIRST) as issuer, keys_at(issuer.url, pause=0.1) as keys:
        issuer.status = 503
        with pytest.raises(SignInUnavailableError):
            await keys.find("RS256", "first")
        issuer.status = 200
        async with asyncio.timeout(5):
            while True:
                try:
                    assert await keys.find("RS256", "first") is not None
                    break
                except SignInUnavailableError:
                    await asyncio.sleep(0.01)


async def test_a_server_starts_without_its_issuer_and_says_so(
    make_site: MakeSite, logged: Written
) -> None:
    site: Site = await make_site(**MODE, JWT_JWKS="http://127.0.0.1:1/jwks.json")
    answer = await asked(site, FIRST.sign())
    assert "could not be fetched" in client.check_error(answer, 503)["detail"]
    assert "jwks.unreachable" in logged.text
    async with site.http.get("/sessions") as response:
        client.check_error(await client.answer_of(response), 401)
    assert (await site.get("/health"))["status"] == "healthy"


async def test_a_file_is_read_again_when_it_changes(
    make_site: MakeSite, tmp_path: Path, logged: Written
) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(key_set(FIRST))
    site = await make_site(**MODE, JWT_JWKS=path)
    assert (await asked(site, SECOND.sign())).status == 401
    path.write_bytes(key_set(FIRST, SECOND))
    await until(logged, "identity.file.loaded")
    assert (await asked(site, SECOND.sign())).status == 200
    path.write_bytes(b"{")
    await until(logged, "identity.file.rejected")
    assert (await asked(site, FIRST.sign())).status == 200


async def test_a_wrong_file_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_text('{"keys": []}')
    code, _, said = await command(tmp_path, "serve", **MODE, JWT_JWKS=path)
    assert code == 2
    assert said.startswith(f"assistant: JWT_JWKS: {path}: is no JSON Web Key Set")


def test_only_keys_that_check_signatures_are_taken() -> None:
    nameless = SigningKey(None)
    secret = {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "alg": "HS256"}
    others = [
        secret,
        FIRST.published | {"use": "enc"},
        FIRST.published | {"alg": "RS512"},
        FIRST.published | {"n": "AQAB"},
        {"kty": "odd"},
        "text",
    ]
    found = parse_jwks(json.dumps({"keys": [*others, nameless.published]}).encode())
    assert [(key.algorithm_name, key.key_id) for key in found] == [("RS256", None)]
    with pytest.raises(ValueError, match="no key to check signatures"):
        parse_jwks(json.dumps({"keys": [secret]}).encode())
