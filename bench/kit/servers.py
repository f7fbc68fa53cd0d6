"""Starts what is measured and what stands round it, and ends it all."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from assistant.store.embedded import find_binary
from bench.kit.wires import OURS, Wire

ROOT = Path(__file__).parents[2]
_START_SECONDS = 90
_STOP_SECONDS = 15
_SERVE = ("-m", "assistant", "--env-file", os.devnull, "serve")
OTHER_DISK = os.environ.get("BENCH_DISK")  # noqa: TID251 - a program of its own


def disk() -> Path:
    """Return where a server would keep its data: in many places, /tmp is no disk at all.

    `BENCH_DISK` names another folder. One in memory shows what the server itself adds, where the
    disk is slower than it.
    """
    folder = Path(OTHER_DISK or ROOT / "var")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dataclass(frozen=True, slots=True)
class Variant:
    """A server to compare.

    Attributes:
        command: arguments of the Python that runs it; empty for the model itself, with no server.
        settings: its environment, besides what all variants have.
        wire: how it is asked.
        redis: the program of a Redis over TCP that it is given; empty for none.
        embedded: whether it starts a Valkey of its own.
    """

    name: str
    title: str
    command: tuple[str, ...] = _SERVE
    settings: Mapping[str, str] = field(default_factory=dict)
    redis: str = ""
    embedded: bool = False
    wire: Wire = OURS


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers.

    Attributes:
        store_pid: the process of its Valkey or Redis; None where there is none.
    """

    variant: Variant
    host: str
    port: int
    pid: int
    store_pid: int | None


@asynccontextmanager
async def program(
    command: Sequence[str], log: Path, settings: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[Process, str]]:
    """Run a Python program that says where it serves; yields it and its `http://host:port`.

    Its environment is what is given and nothing else, whatever this process's own is.
    """
    env = {"PATH": os.defpath, "LANG": "C.UTF-8", **(settings or {})}
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, cwd=ROOT, env=env, stdout=PIPE, stderr=stderr
        )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(_START_SECONDS):
            line = (await process.stdout.readline()).decode()
        url = next((word for word in line.split() if word.startswith("http://")), "")
        if not url:
            said = await asyncio.to_thread(log.read_text)
            message = f"{' '.join(command)} did not start:\n{said[-2000:]}"
            raise RuntimeError(message)
        yield process, url
    finally:
        await _end(process)


@dataclass(frozen=True, slots=True)
class Upstream:
    """The model that answers them all."""

    url: str
    pid: int


@asynccontextmanager
async def upstream(folder: Path) -> AsyncIterator[Upstream]:
    """Start the model."""
    log = _made(folder) / "upstream.log"
    async with program(("-m", "bench.upstream"), log) as (process, url):
        yield Upstream(url, process.pid)


@asynccontextmanager
async def serving(variant: Variant, folder: Path, model: Upstream) -> AsyncIterator[Running]:
    """Serve a variant, with its data in `folder`."""
    if not variant.command:
        yield Running(variant, *_place_of(model.url), model.pid, None)
        return
    data = _made(folder / variant.name)
    settings = {
        "PORT": "0",
        "DATA_DIR": str(data),
        "AGENTS_DIR": str(ROOT / "bench" / "personas"),
        "DEFAULT_PERSONA": "talker",
        "OPENAI_BASE_URL": f"{model.url}/v1",
        "OPENAI_MODEL": "bench",
        # Room enough that no run is queued: a slot is free a moment after its client has the end.
        "MAX_CONCURRENT_REQUESTS": "1000",
        # Nobody is left who waits for an answer.
        "SHUTDOWN_GRACE_SECONDS": "1",
        **variant.settings,
    }
    async with _redis(variant, data) as (url, redis_pid):
        if url:
            settings |= {"REDIS_URL": url, "STORE_FALLBACK": "fail"}
        async with program(variant.command, data / "server.log", settings) as (process, address):
            pidfile = data / "store" / "valkey.pid"
            store_pid = int(pidfile.read_text()) if variant.embedded else redis_pid
            yield Running(variant, *_place_of(address), process.pid, store_pid)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _place_of(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix("http://").rpartition(":")
    return host, int(port)


def redis_program() -> str:
    """Return the Redis or Valkey on the PATH, else the embedded one's program."""
    return shutil.which("redis-server") or shutil.which("valkey-server") or find_binary()


@asynccontextmanager
async def _redis(variant: Variant, folder: Path) -> AsyncIterator[tuple[str, int | None]]:
    if not variant.redis:
        yield "", None
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    options += ["--appendonly", "yes", "--appendfsync", "everysec"]
    process = await asyncio.create_subprocess_exec(variant.redis, *options, stdout=DEVNULL)
    try:
        await _until_answers(port)
        yield f"redis://127.0.0.1:{port}/0", process.pid
    finally:
        await _end(process)


async def _until_answers(port: int) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
