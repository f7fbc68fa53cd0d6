"""Real processes for tests: our server, started and killed as an operator would."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import coverage

from assistant.store.embedded import find_binary
from tests.clinic.ready import lay
from tests.forks import NURSERY, Fork

Process = asyncio.subprocess.Process | Fork

ROOT = Path(__file__).parents[1]
_START = 60


@dataclass(slots=True)
class ServerProcess:
    """A running server or worker.

    Attributes:
        url: where it listens; empty for a worker that does not.
        log: the file its log lines go to.
    """

    url: str
    log: Path
    process: Process

    async def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        await self.process.wait()

    async def terminate(self) -> int:
        """Ask it to stop, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            return await self.process.wait()


def environment(data_dir: Path, **settings: object) -> dict[str, str]:
    """Return an environment without any setting of ours but the given ones."""
    kept = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG", "VIRTUAL_ENV"}}
    kept |= {k: v for k, v in os.environ.items() if k.startswith("COVERAGE")}
    quick = {"STREAM_DELAY": "0", "CHUNK_DELAY": "0", "LEASE_SECONDS": "2"}
    quick |= {"LEASE_RENEW_SECONDS": "0.3", "DATA_DIR": str(data_dir), "PORT": "0"}
    return kept | quick | {k: str(v) for k, v in settings.items()}


@contextmanager
def unmeasured() -> Iterator[None]:
    """Leave what runs within, and what it starts, out of the coverage, which doubles its time."""
    names = [name for name in os.environ if name.startswith("COVERAGE")]
    held = {name: os.environ.pop(name) for name in names}
    running = coverage.Coverage.current()
    if running is not None:
        running.stop()
    try:
        yield
    finally:
        if running is not None:
            running.start()
        os.environ.update(held)


async def shell(command: str, cwd: Path, **variables: str) -> str:
    """Run a shell command with all of this environment; returns what it printed."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", command),
        cwd=cwd,
        env={**os.environ, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, f"{command}\n{out.decode()[-4000:]}"
    return out.decode()


@asynccontextmanager
async def server(data_dir: Path, **settings: object) -> AsyncIterator[ServerProcess]:
    """Start `python -m assistant serve` on a free port; kill what is left of it at the end."""
    command = (sys.executable, "-m", "assistant", "--env-file", os.devnull, "serve")
    async with started(command, ROOT, data_dir, **settings) as running:
        yield running


@asynccontextmanager
async def worker(data_dir: Path, **settings: object) -> AsyncIterator[ServerProcess]:
    """Start `python -m assistant worker`; kill what is left of it at the end."""
    command = (sys.executable, "-m", "assistant", "--env-file", os.devnull, "worker")
    async with started(command, ROOT, data_dir, **settings) as running:
        yield running


@asynccontextmanager
async def started(
    command: Sequence[str], cwd: Path, data_dir: Path, **settings: object
) -> AsyncIterator[ServerProcess]:
    """Start a server or worker by any command, anywhere; kill what is left of it at the end.

    What is a module of ours is forked from a process that has imported it already, and finds a
    demo clinic made.
    """
    log = data_dir / f"server-{os.urandom(4).hex()}.log"
    data_dir.mkdir(parents=True, exist_ok=True)
    variables = environment(data_dir, **settings)
    process: Process
    with log.open("wb") as stderr:
        if tuple(command[:2]) == (sys.executable, "-m") and hasattr(os, "pidfd_open"):
            await asyncio.to_thread(lay, variables)
            process = await NURSERY.fork(command[2], command[3:], cwd, variables, stderr)
        else:
            process = await asyncio.create_subprocess_exec(
                *command, env=variables, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=stderr
            )
    try:
        yield ServerProcess(await _announced(process, log), log, process)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(10):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _announced(process: Process, log: Path) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(_START):
        line = (await process.stdout.readline()).decode()
    begun = line.startswith(("Serving ", "Working "))
    assert begun, f"nothing started: {line!r}\n{log.read_text()}"
    return next((word for word in line.split() if word.startswith("http")), "")


@asynccontextmanager
async def redis_server(folder: Path, *, port: int = 0) -> AsyncIterator[RedisProcess]:
    """Start a Redis or Valkey of our own on a TCP port of the loopback."""
    redis = RedisProcess(folder, port or free_port())
    await redis.start()
    try:
        yield redis
    finally:
        await redis.stop()


class RedisProcess:
    """A Redis that can be stopped and started again on the same port and data."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.url = f"redis://127.0.0.1:{port}/0"
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it answers."""
        self._folder.mkdir(parents=True, exist_ok=True)
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        options += ["--appendonly", "yes", "--appendfsync", "always", "--dir", str(self._folder)]
        self._process = await asyncio.create_subprocess_exec(
            await asyncio.to_thread(find_binary), *options, stdout=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(_START):
            while not await self._answers():
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """Kill it; its data stays."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def pause(self) -> None:
        """Let it say nothing, with all connections open, until `resume`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.write(b"PING\r\n")
        line = await reader.readline()
        writer.close()
        return line.startswith(b"+PONG")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
