"""The way out to one provider: a pool of connections, and what every request has in common."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2
import msgspec
from agents import ModelSettings
from multidict import CIMultiDict
from openai import AsyncOpenAI, NotGiven, Omit
from pydantic import BaseModel
from yarl import URL

from assistant.engine.transport.errors import BROKEN, lost, refused
from assistant.engine.transport.reply import Reply
from assistant.engine.transport.rounds import Rounds

_READ_SIZE = 2**16
# Seconds that a connection is kept for the next call; one that the server has closed is not used.
_KEPT_IDLE = 15
# As many as the openai client follows; the one too many counts here.
_REDIRECTS = 21


class Door:
    """Asks one provider for streams.

    `client` is the openai client for the same provider: it says where that is and who asks, and
    is what does all that is no stream.

    Attributes:
        rounds: who of those that read its streams has to rest.
        usual: what was asked before with the same settings, by these and the model.
    """

    def __init__(self, client: AsyncOpenAI, session: aiohttp.ClientSession, silence: float) -> None:
        self.client = client
        # As text: the SDK asks for it several times in a call.
        self.base_url = str(client.base_url)
        self._session = session
        self._silence = silence
        self.rounds = Rounds()
        # Up to the head; from then on `Reply` sees to it.
        self._timeout = aiohttp.ClientTimeout(connect=min(silence, 10), sock_read=silence)
        self._headers = _headers(client)
        self._urls: dict[str, URL] = {}
        self.usual = OrderedDict[tuple[int, str], tuple[ModelSettings, dict[str, Any]]]()

    async def ask(self, path: str, request: Mapping[str, Any]) -> Reply:
        """Send a request for a stream, given as to the openai client's `create`.

        Raises:
            APIStatusError: when the provider refuses it, by its kind for each status.
            APIConnectionError: when the provider cannot be reached; `APITimeoutError` when it is
                silent.
        """
        headers, body = self._written(request)
        url = self._url(path).update_query(request.get("extra_query") or {})
        try:
            response = await self._session.post(
                url, data=body, headers=headers, timeout=self._timeout, max_redirects=_REDIRECTS
            )
        except BROKEN as error:
            fault = lost(error, str(url))
            raise fault from fault.__cause__
        if not response.ok or response.status >= httpx2.codes.MULTIPLE_CHOICES:
            raise await refused(response, self.client)
        return Reply(response, self._silence, self.rounds)

    def _url(self, path: str) -> URL:
        known = self._urls.get(path)
        if known is None:
            known = self._urls[path] = URL(f"{self.base_url.rstrip('/')}/{path}")
        return known

    def _written(self, request: Mapping[str, Any]) -> tuple[CIMultiDict[str], bytes]:
        """Return a request's headers and body."""
        headers = CIMultiDict(self._headers)
        headers.update(given(request.get("extra_headers") or {}))
        body = given({name: request[name] for name in request if name not in _BESIDES})
        body |= given(request.get("extra_body") or {})
        return headers, msgspec.json.encode(body, enc_hook=_dumped)


_BESIDES = frozenset({"extra_headers", "extra_query", "extra_body", "timeout"})


@asynccontextmanager
async def open_door(client: AsyncOpenAI, silence: float) -> AsyncIterator[Door]:
    """Open the way to the provider that a client knows, and close it at the end.

    `silence` is how many seconds the provider may say nothing.
    """
    base = client.base_url
    connector = aiohttp.TCPConnector(
        # The server's own limits say how many runs there are.
        limit=0,
        keepalive_timeout=_KEPT_IDLE,
        ssl=httpx2.create_ssl_context() if base.scheme == "https" else True,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        # It serves everybody: what a server would have it remember goes to no other's call.
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=_proxy(base),
        read_bufsize=_READ_SIZE,
        skip_auto_headers=("User-Agent", "Accept"),
    ) as session:
        yield Door(client, session, silence)


def _headers(client: AsyncOpenAI) -> CIMultiDict[str]:
    """Return what the openai client says of who asks, without what it says of itself."""
    usual = {
        "Accept": "application/json",
        # Compression would hold back tokens to make them smaller.
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "OpenAI-Organization": client.organization,
        "OpenAI-Project": client.project,
        **client.auth_headers,
        **client._custom_headers,  # noqa: SLF001 - those of its environment, too
    }
    return CIMultiDict({name: value for name, value in usual.items() if isinstance(value, str)})


def _proxy(url: httpx2.URL) -> str | None:
    """Return the proxy that the environment names for a URL."""
    known = getproxies()
    proxy = known.get(url.scheme) or known.get("all")
    if not proxy or proxy_bypass(url.host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values without those that stand for none."""
    return {name: value for name, value in values.items() if not isinstance(value, Omit | NotGiven)}


def _dumped(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_unset=True)
    raise TypeError(f"a request holds a {type(value).__name__}, which is no JSON")
