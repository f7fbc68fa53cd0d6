"""`AUTH_MODE=jwt`: whom tokens name, and every way in which one does not count."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import UnauthenticatedError
from assistant.settings import Settings
from assistant.web.identity.tokens import SecretKey, Tokens
from assistant.web.keys import PARTS
from tests import client
from tests.loglines import Written
from tests.web.conftest import MakeSite
from tests.web.issuer import AUDIENCE, ISSUER, MODE, SECRET, SigningKey, claims, key_set, signed
from tests.web.site import HELD, Site

NOW = int(time.time())


@pytest.fixture
async def clinic(make_site: MakeSite) -> Site:
    return await make_site(**MODE, JWT_SECRET=SECRET)


async def asked(site: Site, token: str, path: str = "/sessions") -> client.Answer:
    async with site.http.get(path, headers={"Authorization": f"Bearer {token}"}) as response:
        return await client.answer_of(response)


async def name_of(site: Site, token: str) -> tuple[str, set[str], str | None]:
    """Return the principal that a run carries which the token's holder begins."""
    headers = {"Authorization": f"Bearer {token}"}
    body = {"message": "hello", "background": True}
    async with site.http.post("/chat", json=body, headers=headers) as response:
        assert response.status == 202, await response.text()
        run_id = (await response.json())["run_id"]
    app = site.server.app
    assert app is not None
    run = await app[PARTS].store.runs.get(run_id)
    assert run is not None
    return run.principal.name, set(run.principal.roles), run.principal.subject


async def test_whom_a_token_names(clinic: Site) -> None:
    assert await name_of(clinic, signed()) == ("jwt:ann", set(), None)
    assert await name_of(clinic, signed(roles=["staff", "billing"])) == (
        *("staff:ann", {"staff", "billing"}),
        None,
    )
    patient = signed(roles="patient", patient="P-100001")
    assert await name_of(clinic, patient) == ("patient:P-100001", {"patient"}, "P-100001")
    # A role that no rule could name is another program's.
    odd = signed(roles=["operator", "Uma Authorization", "", 7, None], scope="staff")
    assert await name_of(clinic, odd) == ("jwt:ann", {"operator"}, None)
    assert (await asked(clinic, odd, "/stats")).status == 200
    assert (await asked(clinic, patient, "/stats")).status == 403
    about = await clinic.get("/")
    assert about["auth"] == {"mode": "jwt", "demo_switch": False}


async def test_claims_may_stand_elsewhere(make_site: MakeSite) -> None:
    where = {"JWT_ROLES_CLAIM": "realm_access.roles", "JWT_SUBJECT_CLAIM": "https://c.example/no"}
    site = await make_site(**MODE, JWT_SECRET=SECRET, **where)
    token = signed(realm_access={"roles": ["patient"]}, **{"https://c.example/no": "P-1"})
    assert (await name_of(site, token))[0] == "patient:P-1"
    for roles in ("patient", {"roles": {"patient": True}}, {}):
        assert (await name_of(site, signed(realm_access=roles)))[1] == set()


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"exp": NOW - 60}, "has expired"),
    "not yet": ({"nbf": NOW + 3_600}, "not valid yet"),
    "for others": ({"aud": "another"}, "its audience is another"),
    "for several others": ({"aud": ["a", "b"]}, "its audience is another"),
    "from others": ({"iss": "https://evil.example/"}, "its issuer is another"),
    "almost from us": ({"iss": ISSUER.rstrip("/")}, "its issuer is another"),
    **{f"no {name}": ({name: None}, "lacks one of") for name in ("exp", "iss", "aud", "sub")},
    "no time": ({"exp": "soon"}, "cannot be read"),
    "no name": ({"sub": ""}, "its name is not"),
    "a name of many words": ({"sub": "ann of the clinic"}, "its name is not"),
    "a name that is none": ({"sub": 7}, "cannot be read"),
    "a patient without a number": ({"roles": ["patient"]}, "no patient's number"),
    "a number that is none": ({"roles": ["patient"], "patient": "P 1; --"}, "no patient's number"),
    "a number of several": ({"roles": ["patient"], "patient": ["P-1"]}, "no patient's number"),
    "a number without the role": ({"patient": "P-1"}, "has not the role patient"),
    "two at once": ({"roles": ["patient", "staff"], "patient": "P-1"}, "at once"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_token_that_does_not_count(clinic: Site, logged: Written, case: str) -> None:
    changes, words = WRONG[case]
    token = _signed_oddly(changes)
    answer = await asked(clinic, token)
    detail = client.check_error(answer, 401)["detail"]
    assert words in detail
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    parts = token.split(".")
    assert not [part for part in parts if part in detail + logged.text]


def _signed_oddly(changes: dict[str, Any]) -> str:
    """Return a token with claims of any type; PyJWT itself would not make some of them."""
    return jwt.PyJWS().encode(json.dumps(claims(**changes)).encode(), SECRET, "HS256")


async def test_clocks_may_differ_a_little(clinic: Site) -> None:
    now = int(time.time())
    for changes in ({"exp": now - 3}, {"nbf": now + 5}, {"iat": now + 5}, {"exp": 10**400}):
        assert (await asked(clinic, signed(**changes))).status == 200


def _encoded(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def test_a_token_that_nobody_signed(clinic: Site) -> None:
    good = signed(roles=["staff"])
    header, payload, signature = good.split(".")
    forged = _encoded(claims(roles=["operator"]))
    tokens = [
        *(f"{_encoded({'alg': alg})}.{payload}." for alg in ("none", "None", "NONE", "", None, 7)),
        *(f"{_encoded({'alg': 'none'})}.{payload}.{signature}", f"{header}.{forged}.{signature}"),
        *(f"{header}.{payload}.", f"{header}.{payload}", f"{header}..{signature}", "...", "x"),
        jwt.encode(claims(), SECRET, "HS512"),
        jwt.encode(claims(), SECRET + "x", "HS256"),
        jwt.encode(claims(), SigningKey("k").key, "RS256", {"kid": "k"}),
        jwt.encode(claims(), SECRET, "HS256", {"crit": ["exp"], "exp": 0}),
    ]
    for token in tokens:
        detail = client.check_error(await asked(clinic, token), 401)["detail"]
        assert "cannot be read, or is not signed" in detail
    assert (await asked(clinic, good)).status == 200


async def test_a_published_key_is_no_secret(make_site: MakeSite, tmp_path: Path) -> None:
    key, curve = SigningKey("k"), SigningKey("c", "ES256")
    path = tmp_path / "jwks.json"
    path.write_bytes(key_set(key, curve))
    site = await make_site(**MODE, JWT_JWKS=path)
    for good in (key, curve):
        assert (await asked(site, good.sign())).status == 200
    jwk = json.dumps(key.published).encode()
    forged = [
        _signed_by(material, kid)
        for material in (key.pem, key.pem.rstrip(), jwk, curve.pem)
        for kid in ("k", "c", None)
    ]
    forged += [key.sign("c"), curve.sign("k"), signed()]
    forged += [f"{_encoded({'alg': 'none', 'kid': 'k'})}.{_encoded(claims())}."]
    forged += [SigningKey("k").sign(), SigningKey("k", "ES256").sign()]
    for token in forged:
        client.check_error(await asked(site, token), 401)


def _signed_by(material: bytes, kid: str | None) -> str:
    """Return a token signed with HS256, taking a public key for the secret."""
    head = _encoded({"alg": "HS256", "typ": "JWT"} | ({"kid": kid} if kid else {}))
    body = f"{head}.{_encoded(claims(roles=['operator']))}"
    signature = jwt.get_algorithm_by_name("HS256").sign(body.encode(), material)
    return f"{body}.{_encoded(signature)}"


async def test_a_socket_ends_with_its_token_and_the_run_goes_on(clinic: Site) -> None:
    ends = int(time.time()) + 2
    token = signed(exp=ends)
    async with clinic.http.ws_connect("/ws/one", protocols=["assistant", f"bearer.{token}"]) as ws:
        assert ws.protocol == "assistant"
        await ws.send_json({"type": "chat_message", "message": HELD})
        run_id = (await ws.receive_json(timeout=5))["run_id"]
        async with asyncio.timeout(8):
            while (message := await ws.receive()).type is aiohttp.WSMsgType.TEXT:
                assert message.json()["type"] == "response_chunk"
        assert (ws.close_code, message.extra) == (1008, "token expired")
    assert ends <= time.time() < ends + 5
    await clinic.journal.until(lambda journal: journal.held == 1)
    clinic.journal.release()
    later = {"Authorization": f"Bearer {signed()}"}
    async with clinic.http.get(f"/runs/{run_id}/events", headers=later) as response:
        assert client.text_of([f async for f in client.frames(response)]) == "one two three"


@given(
    st.one_of(
        st.text(max_size=200),
        st.lists(st.binary(max_size=60), min_size=1, max_size=4).map(
            lambda parts: ".".join(map(_encoded, parts))
        ),
        st.dictionaries(
            st.sampled_from(["alg", "kid", "crit", "b64", "typ"]),
            st.none() | st.integers() | st.text(max_size=8) | st.lists(st.text(max_size=4)),
        ).map(lambda header: f"{_encoded({'alg': 'HS256'} | header)}.{_encoded(claims())}.AAAA"),
    )
)
def test_whatever_comes_is_refused_in_words(token: str) -> None:
    settings = Settings.from_mapping({"JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE})
    tokens = Tokens(SecretKey(SECRET), settings)
    with pytest.raises(UnauthenticatedError):
        asyncio.run(tokens.check(token))


@given(
    st.dictionaries(
        st.sampled_from(["exp", "nbf", "iat", "aud", "sub", "iss", "jti"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=5)
        | st.lists(st.text(max_size=3))
        | st.dictionaries(st.text(max_size=3), st.none()),
        min_size=1,
    )
)
def test_whatever_is_claimed_is_taken_or_refused_in_words(odd: dict[str, Any]) -> None:
    settings = Settings.from_mapping({"JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE})
    tokens = Tokens(SecretKey(SECRET), settings)
    token = jwt.PyJWS().encode(json.dumps(claims() | odd).encode(), SECRET, "HS256")
    with suppress(UnauthenticatedError):
        found = asyncio.run(tokens.check(token))
        assert found["iss"] == ISSUER
        assert AUDIENCE in found["aud"]
        assert float(found["exp"]) > time.time() - 11
