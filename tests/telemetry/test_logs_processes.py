"""A server whose log goes nowhere serves on, and its terminal form is for people."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests import processes


@asynccontextmanager
async def serving(folder: Path, stderr: int, **settings: str) -> AsyncIterator[str]:
    """Yield the URL of a server whose standard error is a given file."""
    command = (sys.executable, "-m", "assistant", "--env-file", os.devnull, "serve")
    process = await asyncio.create_subprocess_exec(
        *command,
        env=processes.environment(folder, **settings),
        cwd=processes.ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            said = (await process.stdout.readline()).decode()
        yield next(word for word in said.split() if word.startswith("http"))
        process.terminate()
        async with asyncio.timeout(30):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _ask(url: str, times: int) -> None:
    async with aiohttp.ClientSession(url) as http, asyncio.timeout(30):
        for _ in range(times):
            async with http.get("/health", headers={"User-Agent": "x" * 3000}) as response:
                assert response.status == 200


async def test_a_server_goes_on_when_nobody_reads_its_log(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    try:
        async with serving(tmp_path, writer, ACCESS_LOG_USER_AGENT="true") as url:
            os.close(writer)
            # More than a pipe holds.
            await _ask(url, 400)
            os.set_blocking(reader, False)
            assert os.read(reader, 1 << 20).count(b"http.request") > 100
    finally:
        os.close(reader)


async def test_a_server_goes_on_when_the_disk_is_full(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        async with serving(tmp_path, full) as url:
            await _ask(url, 20)
    finally:
        os.close(full)


@pytest.mark.parametrize("value", ["assistant.engine=DEBUG,sqlalchemy.engine=DEBUG"])
async def test_a_library_that_is_to_say_too_much_stops_the_start(
    tmp_path: Path, value: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "assistant", "--env-file", os.devnull, "serve"),
        env=processes.environment(tmp_path, LOG_LEVELS=value),
        cwd=processes.ROOT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert said.startswith(b"assistant: LOG_LEVELS: sqlalchemy.engine stays at WARNING or above")
    assert said.count(b"\n") == 1
