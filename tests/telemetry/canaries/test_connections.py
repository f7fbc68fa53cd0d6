"""Redis, PostgreSQL and workers fail, under URLs with passwords, in the middle of a talk."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from redis.asyncio import Redis

from tests.clinic.postgres import APP, Postgres
from tests.conftest import DATA
from tests.processes import RedisProcess, environment, redis_server
from tests.telemetry.canaries.coinage import Mint
from tests.telemetry.canaries.collector import Collector, collecting
from tests.telemetry.canaries.launching import Process, launched
from tests.telemetry.canaries.places import Place, files, leaks
from tests.telemetry.canaries.stage import Stand, perform
from tests.telemetry.canaries.turn import ALL, Heard, Turn, Visit
from tests.upstream import JOURNAL, Journal, create_upstream, serving

_BASE = "canaries"
_HELD = f"[[hold: 1]] [[say: one two three]] {ALL}"
_RECORDS = f"[[tool: find_patients {{}}]] [[tool: my_appointments {{}}]] {ALL}"

pytestmark = [
    *(pytest.mark.long, pytest.mark.no_cover, pytest.mark.timeout(120)),
    *(pytest.mark.postgres, pytest.mark.redis_server),
]


@dataclass(slots=True)
class Cluster:
    """A server and its workers, on a Redis and a PostgreSQL that want passwords."""

    folder: Path
    redis: RedisProcess
    collector: Collector
    journal: Journal
    variables: dict[str, object]
    mint: Mint = field(default_factory=lambda: Mint(random.Random(11)))
    heard: Heard = field(default_factory=Heard)
    processes: list[Process] = field(default_factory=list)

    def visit(self, name: str, http: aiohttp.ClientSession) -> Visit:
        """Return a turn on the server."""
        return Visit(name, f"turn-{name.replace(' ', '-')}", http, self.mint, self.heard)

    @asynccontextmanager
    async def started(self, name: str, *arguments: str, **more: object) -> AsyncIterator[str]:
        """Start a server or worker; yields where it listens."""
        data = self.folder / name
        variables = environment(data, **self.variables, **more)
        async with launched([*arguments], self.folder / f"{name}.err", variables) as process:
            self.processes.append(process)
            yield await process.announced()
            if process.fork.returncode is None:
                await process.end()

    def places(self) -> list[Place]:
        """Return all that could be read of it."""
        found = [Place(name, "\n".join(texts)) for name, texts in self.heard.texts.items()]
        found += [Place("spans", "\n".join(self.collector.rest))]
        for process in self.processes:
            found += [Place(f"stdout, {process.err.stem}", process.out)]
            found += [Place(f"stderr, {process.err.stem}", process.written())]
            found += files(self.folder / process.err.stem)
        return found


@pytest.fixture
async def cluster(tmp_path: Path, postgres: Postgres) -> AsyncIterator[Cluster]:
    """Return a cluster of which nothing runs yet but what it needs."""
    mint = Mint(random.Random(7))
    await postgres.copy("seeded", _BASE)
    model = create_upstream()
    async with (
        redis_server(tmp_path / "redis") as redis,
        collecting() as collector,
        serving(model) as url,
    ):
        password = mint.take("environment", "password")
        await _protect(redis.url, "", password)
        variables: dict[str, object] = {
            "AGENTS_DIR": DATA / "canaries",
            "DEFAULT_PERSONA": "keeper",
            "MODEL_PROVIDER": "openai",
            "OPENAI_API": "chat",
            "OPENAI_BASE_URL": f"{url}/v1",
            "OPENAI_API_KEY": mint.take("environment", "openai"),
            "MODEL_RETRIES": 0,
            "REDIS_URL": f"redis://:{password}@127.0.0.1:{redis.port}/0",
            "DATABASE_URL": postgres.url(_BASE, APP, mint.take("environment", "password2")),
            "DEMO_SWITCH": "on",
            "RUN_MODE": "workers",
            "LOG_LEVEL": "DEBUG",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": 100,
        }
        found = Cluster(tmp_path, redis, collector, model[JOURNAL], variables)
        found.mint.made |= mint.made
        yield found
    await postgres.drop(_BASE)


async def _protect(url: str, before: str, password: str) -> None:
    """Have Redis want another password from now on, of those too who are connected."""
    async with Redis.from_url(url, password=before or None) as raw:
        await raw.config_set("requirepass", password)
        await raw.client_kill_filter(skipme=True, _type="normal")


async def test_connections_fail_in_the_middle_of_it(cluster: Cluster, postgres: Postgres) -> None:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(cluster.started("server", "serve"))
        first = await stack.enter_async_context(cluster.started("first", "worker"))
        http = await stack.enter_async_context(aiohttp.ClientSession(url))
        assert first == ""
        await _a_worker_dies(cluster, http, stack)
        await _the_database_goes(cluster, http, postgres)
        await _redis_goes(cluster, http)
    shown = leaks(cluster.places(), cluster.mint.made.values())
    assert not shown, "\n".join(shown)
    assert cluster.collector.spans > 0
    log = "\n".join(process.written() for process in cluster.processes)
    seen = ("run.taken_over", "clinic.unavailable", "store.unavailable")
    assert [event for event in seen if event not in log] == []


async def _a_worker_dies(
    cluster: Cluster, http: aiohttp.ClientSession, stack: AsyncExitStack
) -> None:
    visit = cluster.visit("a worker dies", http)
    made = await visit.ask("POST", "/chat", {"message": _HELD, "background": True})
    await cluster.journal.until(lambda model: model.held > 0, 20)
    await cluster.processes[1].end(signal.SIGKILL)
    worker = cluster.started("second", "worker", WORKER_PORT=0, LOG_FORMAT="console")
    health = await stack.enter_async_context(worker)
    await cluster.journal.until(lambda model: len(model.requests) > 1, 20)
    cluster.journal.release()
    end = await visit.ask("GET", f"/runs/{made['run_id']}/events")
    assert end["type"] == "run.completed", end
    async with aiohttp.ClientSession(health) as other:
        await cluster.visit("a worker's health", other).ask("GET", "/<said>/<email>")
        for path in ("/health", "/metrics"):
            async with other.get(path) as reply:
                cluster.heard.note(f"a worker's {path}", await reply.text())


async def _the_database_goes(
    cluster: Cluster, http: aiohttp.ClientSession, postgres: Postgres
) -> None:
    visit = cluster.visit("the database goes", http)
    visit.headers = {"X-Demo-As": "patient"}
    await visit.ask("POST", "/chat", {"message": _RECORDS})
    await postgres.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'canaries'"
    )
    await visit.ask("POST", "/chat", {"message": _RECORDS})
    await postgres.run(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {APP}", database=_BASE)
    await visit.ask("POST", "/chat", {"message": _RECORDS})
    await postgres.drop(_BASE)
    await visit.ask("POST", "/chat", {"message": _RECORDS})
    await visit.ask("GET", "/health")


async def _redis_goes(cluster: Cluster, http: aiohttp.ClientSession) -> None:
    visit, address = cluster.visit("Redis goes", http), cluster.redis.url
    other, password = visit.fill("<password>"), cluster.mint.take("environment", "password")
    held = {"message": _HELD, "background": True}
    await visit.ask("POST", "/chat", held)
    await cluster.journal.until(lambda model: model.held > 0, 20)
    await _protect(address, password, other)
    for _ in range(3):
        await visit.ask("POST", "/chat", {"message": ALL})
        await visit.ask("GET", "/health")
    await cluster.redis.stop()
    await visit.ask("POST", "/chat", {"message": ALL})
    # It comes back without a password, and finds fault with who says one.
    await cluster.redis.start()
    cluster.journal.release()
    async with asyncio.timeout(30):
        while (await visit.ask("GET", "/health/ready")).get("status") != "ready":
            await visit.ask("POST", "/chat", {"message": ALL})
    last = await visit.ask("POST", "/chat", {"message": ALL})
    assert last["type"] == "run.completed", last


async def test_the_clinic_s_file_breaks(tmp_path: Path) -> None:
    file = tmp_path / "data" / "clinic.db"

    async def broken(visit: Visit) -> None:
        await asyncio.to_thread(file.write_bytes, b"no database: " + b"x" * 65_536)
        for path in (file.with_name("clinic.db-wal"), file.with_name("clinic.db-shm")):
            path.unlink(missing_ok=True)
        headers = {"X-Demo-As": "staff"}
        for _ in range(2):
            await visit.ask("POST", "/chat", {"message": _RECORDS}, headers)
        await visit.ask("GET", "/health")

    turn = Turn("the database fails", "the clinic's file breaks", broken)
    report = await perform(Stand("DEBUG", "json", captures=True), tmp_path, [turn])
    report.check()
    assert "DatabaseError" in report.written
