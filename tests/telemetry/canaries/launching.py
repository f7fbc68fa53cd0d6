"""Starts processes of ours, servers and commands alike, and keeps every word that they write."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tests.forks import NURSERY, Fork
from tests.processes import ROOT

_NO_FILE = ("--env-file", os.devnull)
PROGRAM = "tests.telemetry.canaries.program"


@dataclass(slots=True)
class Process:
    """A process, and what it wrote so far.

    Attributes:
        out: its standard output, as far as it was read.
        err: the file that its standard error goes to.
    """

    fork: Fork | asyncio.subprocess.Process
    err: Path
    out: str = ""

    @property
    def _stdout(self) -> asyncio.StreamReader:
        assert self.fork.stdout is not None
        return self.fork.stdout

    async def announced(self) -> str:
        """Wait until it says that it began, and return where it listens."""
        async with asyncio.timeout(60):
            line = (await self._stdout.readline()).decode()
        self.out += line
        assert line.startswith(("Serving ", "Working ")), f"{line!r}\n{self.err.read_text()}"
        return next((word for word in line.split() if word.startswith("http")), "")

    async def run_out(self) -> int:
        """Wait until it has ended; a server that can begin after all is told to stop."""
        self.out += (await self._stdout.readline()).decode()
        return await (self.end() if self.out.startswith("Serving ") else self.ended())

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Have it end, and read all that it still has to say."""
        self.fork.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        """Wait until it has ended by itself; returns its exit code."""
        async with asyncio.timeout(30):
            self.out += (await self._stdout.read()).decode()
            return await self.fork.wait()

    def listing(self) -> str:
        """Return what `ps` would show of it and of its children."""
        return "\n".join(_command_lines(self.fork.pid))

    def written(self) -> str:
        """Return its standard error."""
        return self.err.read_text("utf-8", "replace")


@asynccontextmanager
async def launched(
    arguments: list[str],
    err: Path,
    variables: Mapping[str, str],
    module: str = PROGRAM,
    *,
    anew: bool = False,
) -> AsyncIterator[Process]:
    """Start a module with those variables alone; what is left of it at the end is killed.

    Args:
        arguments: its own.
        err: the file for its standard error.
        variables: its environment.
        module: what it is to run.
        anew: whether it imports all by itself, with what libraries read of the environment then;
            else it is forked from a process that has.
    """
    err.parent.mkdir(parents=True, exist_ok=True)
    with err.open("wb") as stderr:
        command = arguments if "--env-file" in arguments else [*_NO_FILE, *arguments]
        fork: Fork | asyncio.subprocess.Process
        if anew:
            fork = await _executed(module, command, variables, stderr)
        else:
            fork = await NURSERY.fork(module, command, ROOT, variables, stderr)
    process = Process(fork, err)
    try:
        yield process
    finally:
        if fork.returncode is None:
            await process.end(signal.SIGKILL)


async def _executed(
    module: str, command: Sequence[str], variables: Mapping[str, str], stderr: BinaryIO
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *command),
        cwd=ROOT,
        env=variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
    )


def _command_lines(pid: int) -> list[str]:
    found = [Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()]
    # A thread's children are its own.
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            found += _command_lines(int(child))
    return found
