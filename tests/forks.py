"""Processes that are forked from one that has imported the server already; see `tests.nursery`."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from tests.nursery import LARGEST, Birth

_ROOT = Path(__file__).parents[1]


class Fork:
    """A forked process; as asyncio's own, as far as tests use these.

    Attributes:
        pid: its number.
        stdout: what it prints.
        returncode: its exit code once it has ended; negative for the signal that ended it.
    """

    def __init__(
        self, pid: int, stdout: asyncio.StreamReader, told: asyncio.StreamReader, ends: _Ends
    ) -> None:
        self.pid = pid
        self.stdout = stdout
        self.returncode: int | None = None
        self._ends = ends
        self._ended = asyncio.Event()
        self._watching = asyncio.create_task(self._watch(told))

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        # It may have ended without that it was told yet.
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    async def wait(self) -> int:
        """Wait until it has ended; returns its exit code."""
        await self._ended.wait()
        assert self.returncode is not None, "the nursery is gone, and with it who knew the code"
        return self.returncode

    async def _watch(self, told: asyncio.StreamReader) -> None:
        if line := await told.readline():
            self.returncode = int(line)
        # A child of its own may keep its output open.
        for end in self._ends:
            end.close()
        self._ended.set()


_Ends = Sequence[asyncio.BaseTransport]


class Nursery:
    """Forks processes; what they are forked from is started with the first, once.

    Args:
        environment: what that is started with. Each fork has one of its own.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._channel: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    async def fork(
        self,
        module: str,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        stderr: BinaryIO,
    ) -> Fork:
        """Start a module as `python -m` would, within that folder and environment alone."""
        channel = self._channel or self._open()
        birth = Birth(module, list(arguments), str(folder), dict(environment))
        (out, out_in), (told, told_in) = os.pipe(), os.pipe()
        stdout, *ends = await _reader(out)
        words, end = await _reader(told)
        try:
            message = msgspec.msgpack.encode(birth)
            assert len(message) <= LARGEST
            socket.send_fds(channel, [message], [out_in, stderr.fileno(), told_in])
        finally:
            os.close(out_in)
            os.close(told_in)
        return Fork(int(await words.readline()), stdout, words, [*ends, end])

    def close(self) -> None:
        """End what is forked from, once it has written down what it covered."""
        if self._channel is not None and self._process is not None:
            self._channel.close()
            self._process.wait()
        self._channel = self._process = None

    def _open(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(
                (sys.executable, "-m", "tests.nursery", str(number)),
                cwd=_ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                pass_fds=(number,),
            )
        self._channel = ours
        return ours


NURSERY = Nursery(os.environ)
"""The one of this process; measured with it, even if the first of its forks is not."""


async def _reader(end: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(end, "rb", 0))
    return reader, transport
