"""Fixtures: a server whose model does what the messages say, and the lines it logs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from tests.conftest import MakeServer
from tests.loglines import Written, written
from tests.upstream import JOURNAL, create_upstream, serving
from tests.web.identities import House, opened
from tests.web.rawhttp import Probe
from tests.web.site import SETTINGS, Site
from tests.web.sockets import Socket, connected

MakeSite = Callable[..., Awaitable[Site]]


@pytest.fixture
async def make_site(make_server: MakeServer) -> AsyncIterator[MakeSite]:
    """Return a function that starts a server, and its model, with given settings."""
    async with AsyncExitStack() as stack:

        async def make(**settings: object) -> Site:
            model = create_upstream()
            url = await stack.enter_async_context(serving(model))
            server = await make_server(**({**SETTINGS, "OPENAI_BASE_URL": f"{url}/v1"} | settings))
            http = aiohttp.ClientSession(server.make_url("/"))
            await stack.enter_async_context(http)
            return Site(http, server, model[JOURNAL])

        yield make


@pytest.fixture
async def site(make_site: MakeSite) -> Site:
    """Return a server with the settings that most tests use."""
    return await make_site()


@pytest.fixture
def logged() -> Iterator[Written]:
    """Return what is logged from here on."""
    with written() as found:
        yield found


@pytest.fixture
async def socket(site: Site) -> AsyncIterator[Socket]:
    """Return a socket of the session `one`."""
    async with connected(site) as opened:
        yield opened


@pytest.fixture
def probe(site: Site, logged: Written) -> Iterator[Probe]:
    """Return a probe; the test fails with all that it found."""
    found = Probe(site, logged)
    yield found
    assert not found.problems, "\n".join(found.problems)


@pytest.fixture
async def house(make_server: MakeServer, tmp_path: Path) -> AsyncIterator[House]:
    """Return a server that knows people by their keys."""
    async with opened(make_server, tmp_path, CORS_ORIGINS="https://clinic.example") as found:
        yield found
