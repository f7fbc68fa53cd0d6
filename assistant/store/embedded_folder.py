"""Own the folder of an embedded store: one server at a time, and nothing left over from another."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

import structlog

from assistant.errors import StoreStartError

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.02
END_SECONDS = 10.0
ASK_SECONDS = 1.0
SOCKET_BYTES = 100  # the kernel's limit is 107 on Linux, 103 on macOS
LOG_BYTES = 1 << 20


class StoreFolder:
    """`<data_dir>/store`, from `claim` to `release` for this process alone.

    Two locks, both the kernel's, so that no crash leaves one behind: `<data_dir>/store.lock` is
    held by the server; `alive.lock` is inherited by Valkey and so is held exactly as long as
    one (or its rewriting child) lives on this data, whatever became of the server.

    Attributes:
        path: the folder itself.
        socket: where Valkey listens; the file `socket.path` says so to other processes.
    """

    def __init__(self, data_dir: Path) -> None:
        """Name the folder; nothing is touched before `claim`."""
        self.path = data_dir / "store"
        self.socket = self.path / "valkey.sock"
        self._lock: IO[bytes] | None = None

    @property
    def log(self) -> Path:
        """What Valkey prints."""
        return self.path / "valkey.log"

    @property
    def pidfile(self) -> Path:
        """The number of Valkey's process, written by itself."""
        return self.path / "valkey.pid"

    def claim(self) -> None:
        """Make the folder where it is missing, and take it. Blocks on the file system.

        Raises:
            StoreStartError: another server has it.
            OSError: it cannot be made or written.
        """
        self.path = self.path.resolve()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _take(self.path)
        try:
            self.socket = self._place_socket()
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Give the folder back, if it was taken."""
        if self._lock is None:
            return
        with suppress(OSError), self._open_alive() as alive:
            if _try_lock(alive, fcntl.LOCK_EX):  # else a Valkey that would not end is there yet
                self._remove_socket()
        self._lock.close()
        self._lock = None

    def open_for_child(self) -> tuple[IO[bytes], IO[bytes]]:
        """Return the log to write to, and the file whose lock a child must inherit."""
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        alive = self._open_alive()
        # Shared: a rewriting child of a Valkey that died may hold it for a while yet.
        fcntl.flock(alive, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return self.log.open("ab"), alive

    async def end_leftover(self) -> None:
        """Return once no Valkey of an earlier server lives on this folder.

        Raises:
            StoreStartError: one lives that neither ends when asked nor can be killed.
        """
        with await asyncio.to_thread(self._open_alive) as alive:
            if not _try_lock(alive, fcntl.LOCK_EX):
                log.warning("store.embedded.leftover_found", folder=str(self.path))
                if not await self._until_free(alive):
                    raise StoreStartError(
                        f"A Valkey that an earlier server started still runs on {self.path} and "
                        f"does not end; its process id is in {self.pidfile}. End it, then start "
                        "again."
                    )
                log.info("store.embedded.leftover_ended", folder=str(self.path))
            await asyncio.to_thread(self._sweep)

    async def ask(self, command: bytes) -> bytes:
        """Return the first line of the answer to a command, empty when there is none."""
        try:
            async with asyncio.timeout(ASK_SECONDS):
                reader, writer = await asyncio.open_unix_connection(self.socket)
                try:
                    writer.write(command + b"\r\n")
                    return await reader.readline()
                finally:
                    writer.close()
        except OSError:
            return b""

    def last_log_line(self) -> str:
        """Return the last line that Valkey printed, as the most likely cause of its end."""
        with self.log.open("rb") as lines:
            lines.seek(max(0, self.log.stat().st_size - 4096))
            text = lines.read().decode(errors="replace").strip()
        return text.rpartition("\n")[2] or "(nothing)"

    async def _until_free(self, alive: IO[bytes]) -> bool:
        for end in (self._ask_to_end, self._kill_leftover):
            with suppress(TimeoutError):
                async with asyncio.timeout(END_SECONDS):
                    while not _try_lock(alive, fcntl.LOCK_EX):
                        await end()
                        await asyncio.sleep(POLL_SECONDS)
                    return True
        return False

    async def _ask_to_end(self) -> None:
        # Asked over its socket, and again and again: it may not listen yet, and no process
        # that only has its number can be hit. With the append-only file on, nothing is lost.
        await self.ask(b"SHUTDOWN NOSAVE")

    async def _kill_leftover(self) -> None:
        await asyncio.to_thread(_kill, self.pidfile, self.path)

    @property
    def _record(self) -> Path:
        return self.path / "socket.path"

    def _open_alive(self) -> IO[bytes]:
        return (self.path / "alive.lock").open("ab")

    def _sweep(self) -> None:
        for unfinished in self.path.glob("temp-*"):  # rewrites that a crash cut short
            unfinished.unlink(missing_ok=True)

    def _place_socket(self) -> Path:
        near = self.path / "valkey.sock"
        place = near if len(os.fsencode(near)) <= SOCKET_BYTES else self._far_socket()
        self._record.write_text(f"{place}\n", encoding="utf-8")
        return place

    def _remove_socket(self) -> None:
        self._record.unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)
        if self.socket.parent != self.path:
            self.socket.parent.rmdir()

    def _far_socket(self) -> Path:
        # A leftover is still at the place on record. Without one the record may have come with
        # a copy of another store's folder, whose Valkey would lose its socket to ours.
        with suppress(FileNotFoundError), self._open_alive() as alive:
            before = Path(self._record.read_text(encoding="utf-8").strip())
            if not _try_lock(alive, fcntl.LOCK_EX) and _is_private(before.parent):
                return before
        return Path(tempfile.mkdtemp(prefix="assistant-store-")) / "valkey.sock"


def _try_lock(file: IO[bytes], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _take(path: Path) -> IO[bytes]:
    # Beside the folder, not in it, so that it can be moved away or put back from a copy.
    lock = (path.parent / "store.lock").open("a+b", buffering=0)
    if not _try_lock(lock, fcntl.LOCK_EX):
        with lock:
            raise StoreStartError(_in_use(path, lock))
    lock.truncate(0)
    lock.write(b"%d\n" % os.getpid())
    return lock


def _in_use(path: Path, lock: IO[bytes]) -> str:
    lock.seek(0)
    owner = lock.read(32).strip().decode() or "unknown"
    return (
        f"The store in {path} is in use by another server (process {owner}). Give this one "
        "another DATA_DIR, or let all of them share one store by REDIS_URL."
    )


def _is_private(folder: Path) -> bool:
    found = folder.lstat()
    return (
        stat.S_ISDIR(found.st_mode)
        and found.st_uid == os.getuid()
        and not stat.S_IMODE(found.st_mode) & 0o077
    )


def _kill(pidfile: Path, folder: Path) -> None:
    """Kill the process of the pid file if it is the Valkey of this folder, else do nothing."""
    if sys.platform != "linux":  # no handles on processes, no way to be sure
        return
    with suppress(OSError, ValueError):
        pid = int(pidfile.read_text(encoding="utf-8"))
        # Through a handle on the process: between look and kill the number cannot change owner.
        handle = os.pidfd_open(pid)
        try:
            if os.fsencode(folder) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
