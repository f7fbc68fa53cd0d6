"""A real PostgreSQL for tests: started, stopped and paused as an operator would."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from assistant.clinic.records.options import ClinicOptions

OWNER = "clinic_owner"
APP = "clinic_app"
_START = 30
_ADMIN = "postgres"


def binaries() -> Path:
    """Return the folder of PostgreSQL's programs: from the PATH, or where Debian puts them.

    Raises:
        FileNotFoundError: there are none; names the cure.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=_version)
    on_path = shutil.which("postgres")
    if not found and not on_path:
        raise FileNotFoundError("no PostgreSQL: apt-get install postgresql, as root")
    return found[-1].parent if found else Path(str(on_path)).parent


def _version(program: Path) -> int:
    return int(program.parts[-3])


class Postgres:
    """A server of our own in a folder, on a port of the loopback.

    PostgreSQL refuses to run as root, so there it runs as a user without rights.
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._as = _unprivileged() if os.geteuid() == 0 else None

    def start(self) -> None:
        """Start it, with a fresh cluster the first time, and wait until it answers."""
        data = self._folder / "data"
        if not data.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            if self._as:
                os.chown(self._folder, *self._as)
            self._call("initdb", "-D", data, "-U", _ADMIN, "-A", "trust", "-E", "UTF8", "-N")
        self._process = self._popen("postgres", "-D", data, *self._options())
        self._call("pg_isready", "-q", "-h", "127.0.0.1", "-p", self.port, wait=True)

    def stop(self) -> None:
        """End it at once, as a power cut would; its data stays."""
        if self._process is not None:
            self.resume()
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(_START)
            self._process = None

    def pause(self) -> None:
        """Let it and all its sessions say nothing, with all connections open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def url(self, database: str, user: str = _ADMIN, password: str = "") -> str:
        """Return the URL of a database for a role."""
        login = f"{user}:{password}" if password else user
        return f"postgresql://{login}@127.0.0.1:{self.port}/{database}"

    def options(self, database: str) -> ClinicOptions:
        """Return where the clinic is, for the server's role and for the owner."""
        return ClinicOptions(self.url(database, APP), self.url(database, OWNER))

    async def copy(self, template: str, name: str) -> None:
        """Make a database like another one."""
        await self.run(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER}")

    async def drop(self, name: str) -> None:
        """Take a database away, whoever is connected."""
        await self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def run(self, *statements: str, database: str = "postgres") -> list[Any]:
        """Run statements as the superuser; returns the rows of the last."""
        options = ClinicOptions(self.url(database))
        assert options.database is not None
        engine = create_async_engine(
            options.database, isolation_level="AUTOCOMMIT", poolclass=NullPool
        )
        async with engine.connect() as connection:
            results = [await connection.execute(text(statement)) for statement in statements]
            return list(results[-1]) if results[-1].returns_rows else []

    def _signal(self, number: int) -> None:
        assert self._process is not None
        for pid in (self._process.pid, *_children(self._process.pid)):
            os.kill(pid, number)

    def _options(self) -> Sequence[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            # What is committed outlives the process; a power cut is nothing these tests are about.
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "32MB",
            "max_connections": "60",
            "autovacuum": "off",
        }
        return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def _call(self, program: str, *arguments: object, wait: bool = False) -> None:
        for _ in range(_START * 20):
            process = self._popen(program, *arguments)
            _, told = process.communicate()
            if process.returncode == 0:
                return
            assert wait, f"{program}: {told.decode()}"
            assert self._process is not None
            assert self._process.poll() is None, "PostgreSQL ended at once"
        raise TimeoutError(program)

    def _popen(self, program: str, *arguments: object) -> subprocess.Popen[bytes]:
        user, group = self._as or (None, None)
        return subprocess.Popen(
            [str(binaries() / program), *map(str, arguments)],
            user=user,
            group=group,
            extra_groups=[] if self._as else None,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if program != "postgres" else subprocess.DEVNULL,
        )


def _unprivileged() -> tuple[int, int]:
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return user.pw_uid, grp.getgrgid(user.pw_gid).gr_gid
    raise LookupError("no user without rights: run the tests as one, or add the user nobody")


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, check=False)
    return [int(line) for line in listed.stdout.split()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
