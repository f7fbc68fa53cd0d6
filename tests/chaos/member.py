"""A server or worker of a cluster, and what can happen to it."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests import processes
from tests.chaos.proxy import Proxy

Kind = Literal["server", "worker"]


@dataclass(slots=True)
class Blow:
    """Something bad that happened.

    Attributes:
        what: such as `worker killed`.
        at: when, on the monotonic clock.
        since: from when on events can be news; before, they were under way already.
        hit: the runs that had to bear it, each with its last sequence number then.
    """

    what: str
    at: float
    since: float = 0.0
    hit: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Member:
    """A server or worker, in whichever life it is.

    Attributes:
        port: where it listens, in every life; 0 for a worker.
        up: set while it is there to be used.
        ending: why it is about to end, where we know; empty otherwise.
    """

    name: str
    kind: Kind
    folder: Path
    port: int = 0
    proxy: Proxy | None = None
    running: processes.ServerProcess | None = None
    up: asyncio.Event = field(default_factory=asyncio.Event)
    frozen: bool = False
    ending: str = ""

    @property
    def whoami(self) -> Path:
        """The file with its name in the store."""
        return self.folder / "whoami"

    @property
    def url(self) -> str:
        """Where clients reach it."""
        assert self.proxy is not None
        return f"http://127.0.0.1:{self.proxy.port}"

    def signal(self, number: signal.Signals) -> None:
        """Send its process a signal."""
        assert self.running is not None
        # The process object reaps what it finds dead, and then who waits never learns the code.
        with suppress(ProcessLookupError):
            os.kill(self.running.process.pid, number)
