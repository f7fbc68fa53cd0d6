"""An identity provider for tests: signs tokens, and serves its keys over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE = "https://id.example.org/", "persona-assistant"
SECRET = "a secret of the tests, long enough for each of the algorithms of its family"
MODE: dict[str, object] = {"AUTH_MODE": "jwt", "JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE}


def claims(**changes: Any) -> dict[str, Any]:
    """Return what a good token claims; None takes a claim away."""
    usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": int(time.time()) + 60}
    return {name: value for name, value in (usual | changes).items() if value is not None}


def signed(**changes: Any) -> str:
    """Return a token signed with the shared secret."""
    return jwt.encode(claims(**changes), SECRET, "HS256")


@dataclass(slots=True)
class SigningKey:
    """One of an issuer's keys, made anew."""

    kid: str | None
    algorithm: str = "RS256"
    key: Any = None

    def __post_init__(self) -> None:
        curve = self.algorithm == "ES256"
        self.key = (
            ec.generate_private_key(ec.SECP256R1())
            if curve
            else rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        )

    def sign(self, kid: str | None = None, **changes: Any) -> str:
        """Return a token signed by it; `kid` names another key than it is."""
        named = kid or self.kid
        headers = {"kid": named} if named else None
        return jwt.encode(claims(**changes), self.key, self.algorithm, headers)

    @property
    def published(self) -> dict[str, Any]:
        """The public half, as a JSON Web Key."""
        kind = ECAlgorithm if self.algorithm == "ES256" else RSAAlgorithm
        data: dict[str, Any] = json.loads(kind.to_jwk(self.key.public_key()))
        data.pop("key_ops", None)
        return (
            data | {"use": "sig", "alg": self.algorithm} | ({"kid": self.kid} if self.kid else {})
        )

    @property
    def pem(self) -> bytes:
        """The public half, as people paste it."""
        encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        data: bytes = self.key.public_key().public_bytes(encoding, form)
        return data


def key_set(*keys: SigningKey) -> bytes:
    """Return a JSON Web Key Set."""
    return json.dumps({"keys": [key.published for key in keys]}).encode()


@dataclass(slots=True)
class Issuer:
    """What serves the keys.

    Attributes:
        status: to answer with.
        asked: how often it was asked.
    """

    body: bytes = b""
    status: int = 200
    asked: int = 0
    url: str = field(default="", init=False)

    async def answer(self, _request: web.Request) -> web.Response:
        self.asked += 1
        headers = {"Location": "/elsewhere"} if self.status == 302 else None
        return web.Response(body=self.body, status=self.status, headers=headers)


@asynccontextmanager
async def serving_keys(*keys: SigningKey) -> AsyncIterator[Issuer]:
    """Serve keys on the loopback."""
    issuer = Issuer(key_set(*keys))
    app = web.Application()
    app.router.add_get("/jwks.json", issuer.answer)
    async with TestServer(app) as server:
        issuer.url = str(server.make_url("/jwks.json"))
        yield issuer
