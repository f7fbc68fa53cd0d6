"""Real embedded stores for tests: running, or left behind by a server that was killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from redis.asyncio import Redis
from redis.exceptions import RedisError

from assistant.store.embedded import EmbeddedStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).parents[2]

SERVER = """
import asyncio, sys
from pathlib import Path
from redis.asyncio import Redis
from assistant.store.embedded import EmbeddedStore

async def main():
    store = EmbeddedStore(Path(sys.argv[1]))
    await store.start()
    await Redis.from_url(store.url).rpush("kept", "one", "two", "three")
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@asynccontextmanager
async def running(data_dir: Path) -> AsyncIterator[tuple[EmbeddedStore, Redis]]:
    """Give a store on a folder and a client of it."""
    async with AsyncExitStack() as stack:
        store = EmbeddedStore(data_dir)
        await store.start()
        stack.push_async_callback(store.stop)
        yield store, await stack.enter_async_context(Redis.from_url(store.url))


@asynccontextmanager
async def leftover(data_dir: Path) -> AsyncIterator[int]:
    """Give the process of a Valkey whose server was killed."""
    command = (sys.executable, "-c", SERVER, str(data_dir))
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=pipe)
    assert server.stdout is not None
    try:
        async with asyncio.timeout(20):
            await server.stdout.readuntil(b"ready\n")
        server.kill()
        await server.wait()
        (valkey,) = valkeys(data_dir)
        yield valkey
    finally:
        for left in valkeys(data_dir):
            os.kill(left, signal.SIGKILL)


def valkeys(data_dir: Path) -> list[int]:
    """Return the processes that serve a folder."""
    folder, found = os.fsencode(data_dir / "store"), []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if folder in (process / "cmdline").read_bytes().split(b"\0"):
                found.append(int(process.name))
        except OSError:
            continue
    return found


async def restarted(store: EmbeddedStore, redis: Redis, count: int) -> None:
    """Return once a store has come back so many times and answers."""
    async with asyncio.timeout(20):
        while store.restarts < count:
            await asyncio.sleep(0.01)
        while True:
            try:
                await redis.ping()
            except (RedisError, OSError):
                await asyncio.sleep(0.01)
            else:
                return
