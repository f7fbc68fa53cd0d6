"""`AUTH_MODE=jwt`: tokens that an identity provider signed, checked by PyJWT (RFC 7519, 8725)."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
from aiohttp import web
from typing_extensions import override

from assistant.errors import UnauthenticatedError
from assistant.models import Principal
from assistant.settings import Settings
from assistant.web.identity.credentials import token_of
from assistant.web.identity.files import watched
from assistant.web.identity.jwks import FileKeys, Keys, parse_jwks, remote_keys
from assistant.web.identity.principals import principal_of
from assistant.web.keys import EXPIRES_AT, Identify

_LEEWAY = 10.0  # seconds by which clocks may differ
_NEVER = 2**40  # some issuers mean that by a time that no clock can show
_REQUIRED = ("exp", "iss", "aud", "sub")
_FAULTS: Mapping[type[jwt.InvalidTokenError], str] = {
    jwt.ExpiredSignatureError: "The token has expired; sign in again.",
    jwt.ImmatureSignatureError: "The token is not valid yet; try again, or check the clocks.",
    jwt.InvalidAudienceError: "The token is not for this server: its audience is another.",
    jwt.InvalidIssuerError: "The token is not for this server: its issuer is another.",
    jwt.MissingRequiredClaimError: f"The token lacks one of {', '.join(_REQUIRED)}.",
}
_UNREADABLE = "The token cannot be read, or is not signed as this server wants it."


class SecretKey(Keys):
    """The one key that both signs and checks, of whoever knows the secret."""

    def __init__(self, secret: str) -> None:
        encoded = base64.urlsafe_b64encode(secret.encode()).rstrip(b"=").decode()
        self._key = jwt.PyJWK({"kty": "oct", "k": encoded, "alg": "HS256"})

    @override
    async def find(self, algorithm: str, kid: str | None) -> jwt.PyJWK | None:
        return self._key if algorithm == "HS256" else None


class Tokens:
    """Checks tokens, and says whom they name."""

    def __init__(self, keys: Keys, settings: Settings) -> None:
        self._keys = keys
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience
        self._roles = settings.jwt_roles_claim
        self._subject = settings.jwt_subject_claim

    async def identify(self, request: web.Request) -> Principal:
        """Return whom a request's token names, and note when it ends.

        Raises:
            UnauthenticatedError: when there is none, or it does not count here.
            SignInUnavailableError: when no token can be checked now.
        """
        claims = await self.check(token_of(request))
        request[EXPIRES_AT] = float(min(int(claims["exp"]), _NEVER))
        subject = _at(claims, self._subject)
        try:
            return principal_of(
                claims["sub"],
                _words(_at(claims, self._roles)),
                subject if subject is None else str(subject),
                kind="jwt",
            )
        except ValueError as error:
            detail = f"The token cannot be used here: {error}."
            raise UnauthenticatedError(detail) from None

    async def check(self, token: str) -> Mapping[str, Any]:
        """Return what a token claims, once its signature, issuer, audience and times are right.

        Raises:
            UnauthenticatedError: when something is not; says what, and never shows the token.
        """
        try:
            header = jwt.get_unverified_header(token)
            # What the header says only chooses among our keys; a key has one algorithm.
            key = await self._keys.find(str(header.get("alg")), header.get("kid"))
            if key is None:
                raise UnauthenticatedError(_UNREADABLE)
            return jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                issuer=self._issuer,
                audience=self._audience,
                leeway=_LEEWAY,
                options={"require": list(_REQUIRED), "enforce_minimum_key_length": True},
            )
        except jwt.InvalidTokenError as error:
            detail = next((text for kind, text in _FAULTS.items() if isinstance(error, kind)), "")
            raise UnauthenticatedError(detail or _UNREADABLE) from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            # What is signed well, but makes no sense, such as an endless `exp`.
            raise UnauthenticatedError(_UNREADABLE) from None


@asynccontextmanager
async def open_tokens(settings: Settings) -> AsyncIterator[Identify]:
    """Take tokens for proof of who somebody is.

    Raises:
        SettingsError: when a file of keys is wrong.
    """
    if settings.jwt_secret is not None:
        yield Tokens(SecretKey(settings.jwt_secret.get_secret_value()), settings).identify
    elif (place := str(settings.jwt_jwks)).startswith(("https://", "http://")):
        async with remote_keys(place) as keys:
            yield Tokens(keys, settings).identify
    else:
        async with watched("JWT_JWKS", Path(place), parse_jwks) as file:
            yield Tokens(FileKeys(file), settings).identify


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """Return a claim by its name, or by a path of names such as `realm_access.roles`."""
    if path in claims:
        return claims[path]
    first, dot, rest = path.partition(".")
    inner = claims.get(first)
    return _at(inner, rest) if dot and isinstance(inner, dict) else None


def _words(roles: Any) -> Iterable[str]:
    """Return roles from a list, or from words parted by spaces, as `scope` has them."""
    if isinstance(roles, str):
        return roles.split()
    return [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else ()
