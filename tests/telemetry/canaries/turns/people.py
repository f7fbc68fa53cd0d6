"""People who say wrongly who they are: keys and tokens of each wrong kind, in each place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jwt

from tests.telemetry.canaries.turn import ALL, Play, Turn, Visit
from tests.web.issuer import SECRET, claims

_WRONG = "who is asking is not known"
_KEYS: Mapping[str, Mapping[str, str]] = {
    "an unknown key": {"Authorization": "Bearer <ours>"},
    "another maker's key": {"Authorization": "Bearer <openai>"},
    "a token": {"Authorization": "Bearer <jwt>"},
    "basic": {"Authorization": "Basic <token>"},
    "no scheme": {"Authorization": "<ours>"},
    "an e-mail": {"Authorization": "Bearer <email>"},
    "in its own header": {"X-API-Key": "<ours>"},
    "two of them": {"Authorization": "Bearer <ours>", "X-API-Key": "<ours2>"},
    "a digest": {"Authorization": 'Digest username="<said>", response="<token>"'},
    "in a cookie": {"Cookie": "api_key=<ours>; token=<jwt>"},
    "as a subprotocol": {"Sec-WebSocket-Protocol": "assistant, bearer.<ours>"},
}
_CLAIMS: Mapping[str, Callable[[Visit], Mapping[str, Any]]] = {
    "expired": lambda _: {"exp": 1},
    "too early": lambda _: {"nbf": int(time.time()) + 9_999},
    "for others": lambda visit: {"aud": visit.fill("<said>")},
    "of others": lambda visit: {"iss": visit.fill("https://<said>.example/<token>")},
    "without a subject": lambda _: {"sub": None},
    "an odd subject": lambda visit: {"sub": visit.fill("<name>\n<email>")},
    "a long subject": lambda visit: {"sub": visit.fill("<email>") * 50},
    "odd roles": lambda visit: {"roles": [visit.fill("<email>"), visit.fill("<said>")]},
    "a patient without a number": lambda visit: {
        "roles": ["patient"],
        "patient": visit.fill("<ssn>"),
    },
    "an odd end": lambda visit: {"exp": visit.fill("<email>")},
}


def _asked(headers: Mapping[str, str]) -> Play:
    async def play(visit: Visit) -> None:
        await visit.ask("POST", "/chat", {"message": ALL}, headers)
        await visit.ask("GET", "/ws/<said>?token=<token>", headers=headers)
        await visit.ask("GET", "/stats?api_key=<ours>", headers=headers)

    return play


def _claimed(make: Callable[[Visit], Mapping[str, Any]], key: str = SECRET) -> Play:
    async def play(visit: Visit) -> None:
        said = {**claims(name=visit.fill("<name>"), email=visit.fill("<email>")), **make(visit)}
        said = {name: value for name, value in said.items() if value is not None}
        token = jwt.encode(said, key, "HS256")
        await visit.ask("POST", "/chat", {"message": ALL}, {"Authorization": f"Bearer {token}"})
        await visit.ask("GET", "/stats", headers={"Authorization": f"Bearer {token}"})

    return play


def _turns() -> Iterator[Turn]:
    for mode in ("api_key", "jwt"):
        for name, headers in _KEYS.items():
            yield Turn(_WRONG, f"{mode}: {name}", _asked(headers), mode)
    for name, make in _CLAIMS.items():
        yield Turn(_WRONG, f"jwt: {name}", _claimed(make), "jwt")
    for name in ("a subject that is an e-mail", "who has a name"):
        sub = "<email>" if "mail" in name else "<said>"
        play = _claimed(lambda visit, sub=sub: {"sub": visit.fill(sub)})  # type: ignore[misc]
        yield Turn("none", f"jwt: {name}", play, "jwt")
    yield Turn(_WRONG, "jwt: signed by others", _claimed(lambda _: {}, "x" * 40), "jwt")


TURNS = tuple(_turns())
