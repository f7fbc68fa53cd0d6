"""Fixtures: a server in this process or in one of its own, a PostgreSQL, an upstream."""

from __future__ import annotations

import asyncio
import gc
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from blockbuster import BlockBuster, blockbuster_ctx
from typing_extensions import override

from assistant.clinic.upkeep.owner import fill, initialise
from assistant.models import now
from assistant.settings import Settings
from assistant.web import Identify, Listener, create_app
from tests import processes
from tests.clinic.postgres import APP, OWNER, Postgres
from tests.clinic.ready import lay
from tests.forks import NURSERY
from tests.upstream import create_upstream, serving

DATA = Path(__file__).parent / "data"
MakeServer = Callable[..., Awaitable[TestClient[Any, Any]]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take how long tests by chance are to last."""
    told = "how many calls by chance the clinic's tools get on each database"
    parser.addoption("--calls", type=int, default=2_000, help=told)


def pytest_collection_finish() -> None:
    """Set what was imported aside: it stays, and to look through it again and again takes time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure nothing of a test that says so, its fixtures included."""
    left_out = item.get_closest_marker("no_cover") is not None
    with processes.unmeasured() if left_out else nullcontext():
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def nursery() -> Iterator[None]:
    """End, with the tests, what server processes are forked from."""
    yield
    NURSERY.close()


@pytest.fixture(autouse=True)
def no_blocking_calls() -> Iterator[BlockBuster]:
    """Fail every test in which our code blocks the event loop."""
    with blockbuster_ctx(scanned_modules=["assistant"]) as guard:
        for function in guard.functions.values():
            # Looks for a password file and certificates before it connects.
            function.can_block_in("asyncpg/connect_utils.py", {"_parse_connect_arguments"})
            # Makes what a process finds when it starts, before anybody waits for it.
            function.can_block_in("tests/clinic/ready.py", {"_made"})
            # What is measured here may wait for what is measured in another thread.
            function.can_block_in("coverage/collector.py", {"lock_data"})
        yield guard


@contextmanager
def may_block(guard: BlockBuster) -> Iterator[None]:
    """Let code block while a server starts: nobody waits for it yet."""
    guard.deactivate()
    try:
        yield
    finally:
        guard.activate()


class _Server(TestServer):
    """aiohttp's test server, with connections as our own listener makes them."""

    def __init__(self, app: web.Application, settings: Settings) -> None:
        super().__init__(app)
        self._settings = settings

    @override
    async def _make_runner(self, **kwargs: Any) -> Listener:
        return Listener(self.app, self._settings)


@asynccontextmanager
async def making_servers(folder: Path, guard: BlockBuster) -> AsyncIterator[MakeServer]:
    """Yield a function that starts the application in this process; stop them all at the end."""
    clients: list[TestClient[Any, Any]] = []

    async def make(
        tools: Any = None, identify: Identify | None = None, **settings: object
    ) -> TestClient[Any, Any]:
        values = processes.environment(folder / f"data{len(clients)}", **settings)
        with may_block(guard):
            lay(values)
            read = Settings.from_mapping(values)
            client = TestClient(_Server(create_app(read, tools, identify), read))
            clients.append(client)
            await client.start_server()
        return client

    yield make
    for client in clients:
        await client.close()


@pytest.fixture
async def make_server(tmp_path: Path, no_blocking_calls: BlockBuster) -> AsyncIterator[MakeServer]:
    """Return a function that starts the application in this process with given settings."""
    async with making_servers(tmp_path, no_blocking_calls) as make:
        yield make


@pytest.fixture
async def http(make_server: MakeServer) -> TestClient[Any, Any]:
    """Return a client of a server with the demo model."""
    return await make_server()


@pytest.fixture
async def server_url(tmp_path: Path) -> AsyncIterator[str]:
    """Return the URL of a server process with the demo model, at a pace one can watch."""
    async with processes.server(
        tmp_path / "process", STREAM_DELAY=0.05, CHUNK_DELAY=0.02
    ) as running:
        yield running.url


@pytest.fixture
async def upstream() -> AsyncIterator[str]:
    """Return the base URL of a model server that does as the messages say."""
    async with serving(create_upstream()) as url:
        yield f"{url}/v1"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Return a PostgreSQL with the databases `empty` and `seeded` to make copies of."""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = Postgres(Path(folder) / "server")
        Path(folder).chmod(0o711)
        server.start()
        try:
            asyncio.run(_prepare(server))
            yield server
        finally:
            server.stop()


async def _prepare(server: Postgres) -> None:
    await server.run(
        f"CREATE ROLE {OWNER} LOGIN CREATEROLE",
        f"CREATE ROLE {APP} LOGIN NOINHERIT",
        f"CREATE DATABASE empty OWNER {OWNER}",
    )
    await initialise(server.options("empty"), APP)
    await server.run("CREATE DATABASE seeded TEMPLATE empty")
    await fill(server.options("seeded"), 1, now())
