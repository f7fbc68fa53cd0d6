"""The keys that an issuer signs tokens with, as it publishes them (RFC 7517)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import aiohttp
import jwt
import msgspec
import structlog
from typing_extensions import override

from assistant.errors import SignInUnavailableError
from assistant.web.identity.files import WatchedFile

log = structlog.get_logger(__name__)

# Public keys only: nobody who knows what is published can sign with it.
ALGORITHMS = ("RS256", "ES256")
_LIMIT = 256 * 1024
_TIMEOUT = aiohttp.ClientTimeout(total=5)


class Keys(Protocol):
    """Where the key to check a token by is found."""

    async def find(self, algorithm: str, kid: str | None) -> jwt.PyJWK | None:
        """Return the key, or None where there is none for this algorithm and name.

        Raises:
            SignInUnavailableError: when no keys are known yet.
        """


def parse_jwks(data: bytes) -> Sequence[jwt.PyJWK]:
    """Return the keys of a set that tokens may be signed with; others are left out.

    Raises:
        ValueError: when it is no set of keys, or has none of ours.
    """
    try:
        found = jwt.PyJWKSet.from_dict(msgspec.json.decode(data, type=dict)).keys
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        fault = "is no JSON Web Key Set with keys that can be read"
        raise ValueError(fault) from None
    usable = [key for key in found if _signs(key)]
    if not usable:
        fault = f"has no key to check signatures by of {' or '.join(ALGORITHMS)}"
        raise ValueError(fault)
    return usable


def _signs(key: jwt.PyJWK) -> bool:
    fits = key.algorithm_name in ALGORITHMS and key.public_key_use in {None, "sig"}
    return fits and key.Algorithm.check_key_length(key.key) is None


def pick(keys: Sequence[jwt.PyJWK], algorithm: str, kid: str | None) -> jwt.PyJWK | None:
    """Return the key of that name; without a name, the only one for the algorithm."""
    fitting = [key for key in keys if key.algorithm_name == algorithm]
    if kid is None:
        return fitting[0] if len(fitting) == 1 else None
    return next((key for key in fitting if key.key_id == kid), None)


class FileKeys(Keys):
    """Keys from a file."""

    def __init__(self, file: WatchedFile[Sequence[jwt.PyJWK]]) -> None:
        self._file = file

    @override
    async def find(self, algorithm: str, kid: str | None) -> jwt.PyJWK | None:
        return pick(self._file.content, algorithm, kid)


class RemoteKeys(Keys):
    """Keys from a URL: kept while they are fresh, fetched again for a name that is new.

    Where the URL is gone, the last good keys go on to be used.
    """

    def __init__(
        self, http: aiohttp.ClientSession, url: str, *, fresh: float = 600, pause: float = 30
    ) -> None:
        """Fetch nothing yet.

        Args:
            http: for the requests.
            url: of the set.
            fresh: seconds after which the keys are fetched again, so that one that was taken
                back is not taken for good much longer.
            pause: seconds between two fetches at least, however many unknown names are asked for.
        """
        self._http = http
        self._url = url
        self._fresh = fresh
        self._pause = pause
        self._keys: Sequence[jwt.PyJWK] = ()
        self._begun: float | None = None
        self._fetching: asyncio.Task[None] | None = None

    @override
    async def find(self, algorithm: str, kid: str | None) -> jwt.PyJWK | None:
        if algorithm not in ALGORITHMS:
            return None
        found = pick(self._keys, algorithm, kid)
        if found is None or self._age() > self._fresh:
            await self.renew()
            found = pick(self._keys, algorithm, kid)
        if not self._keys:
            detail = "Tokens cannot be checked now: the issuer's keys could not be fetched."
            raise SignInUnavailableError(detail, retry_after=max(1, int(self._pause)))
        return found

    async def renew(self) -> None:
        """Fetch the keys, unless that was done just now; all who ask meanwhile share one fetch."""
        if self._fetching is None or self._fetching.done():
            if self._age() < self._pause:
                return
            self._begun = asyncio.get_running_loop().time()
            self._fetching = asyncio.create_task(self._fetch(), name="jwks.fetch")
        # A request that is given up takes nothing from the others that wait.
        await asyncio.wait({self._fetching})

    async def close(self) -> None:
        """End what is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _age(self) -> float:
        """Return the seconds since the last fetch began; endless before the first."""
        if self._begun is None:
            return float("inf")
        return asyncio.get_running_loop().time() - self._begun

    async def _fetch(self) -> None:
        try:
            # A redirect could lead to where nobody looks after the connection.
            async with self._http.get(self._url, allow_redirects=False, timeout=_TIMEOUT) as reply:
                if reply.status != 200:  # noqa: PLR2004
                    log.error("jwks.refused", status=reply.status)
                    return
                data = b""
                async for chunk in reply.content.iter_chunked(65_536):
                    data += chunk
                    if len(data) > _LIMIT:
                        log.error("jwks.too_large", most=_LIMIT)
                        return
            self._keys = await asyncio.to_thread(parse_jwks, data)
        except (aiohttp.ClientError, TimeoutError) as error:
            log.error("jwks.unreachable", why=type(error).__name__)  # noqa: TRY400 - no crash
        except ValueError as error:
            log.error("jwks.rejected", fault=str(error))  # noqa: TRY400 - no crash
        else:
            log.info("jwks.loaded", keys=len(self._keys))


@asynccontextmanager
async def remote_keys(url: str) -> AsyncIterator[RemoteKeys]:
    """Fetch the keys of a URL, and keep them while the context lasts.

    A URL that does not answer is logged and tried again: a restart does not hang on it.
    """
    async with aiohttp.ClientSession() as http:
        keys = RemoteKeys(http, url)
        await keys.renew()
        try:
            yield keys
        finally:
            await keys.close()
