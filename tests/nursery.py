"""Imports the server once, and forks into each that tests start: `python -m tests.nursery FD`.

To import the model's SDK takes seconds, and tests start hundreds of processes. A fork has all of it
and is otherwise a process like any other: with a number, an environment, a folder and an end of its
own. What it is to be comes over the socket FD, one `Birth` a message, with three descriptors: its
standard output, its standard error, and where its number and later its exit code are written.
"""

from __future__ import annotations

import gc
import importlib
import os
import runpy
import select
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import coverage
import msgspec

from assistant.personas.loading import load_personas

LARGEST = 1 << 17
"""How long a message may be, in bytes."""

_MODULES = (
    *("assistant.cli.serving", "assistant.cli.doctor", "assistant.worker.broker", "uvloop"),
    *("aiosqlite", "anyio.streams.tls", "httpcore2", "truststore"),
)
"""All that a server comes to import until it serves."""


class Birth(msgspec.Struct):
    """What a fork is to be: a module to run as `python -m` does, and what with."""

    module: str
    arguments: list[str]
    folder: str
    environment: dict[str, str]


def main() -> None:
    """Fork until nobody asks any more; a fork comes to be what was asked for."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    for name in _MODULES:
        importlib.import_module(name)
    # Its patterns are compiled then, too.
    load_personas(Path("agents"))
    # What is there now is there for good, so that no fork needs to copy it to look through it.
    gc.collect()
    gc.freeze()
    birth = _attend(channel)
    if birth is not None:
        _be(birth)


def _attend(channel: socket.socket) -> Birth | None:
    """Return, in each fork, what it is to be; at the end, when nobody asks any more, None."""
    living: dict[int, int] = {}
    while True:
        ready = select.select([channel.fileno(), *living], [], [])[0]
        for end in living.keys() & set(ready):
            _bury(end, living.pop(end))
        if channel.fileno() not in ready:
            continue
        message, given, _, _ = socket.recv_fds(channel, LARGEST, 3)
        if not message:
            return None
        out, err, told = given
        child = os.fork()
        if not child:
            os.dup2(out, 1)
            os.dup2(err, 2)
            _let_go(channel, given, living)
            return msgspec.msgpack.decode(message, type=Birth)
        os.write(told, f"{child}\n".encode())
        living[os.pidfd_open(child)] = told
        os.close(out)
        os.close(err)


def _bury(end: int, told: int) -> None:
    """Tell the exit code of a process that has ended."""
    found = os.waitid(os.P_PIDFD, end, os.WEXITED)
    assert found is not None
    killed = found.si_code != os.CLD_EXITED
    os.write(told, f"{-found.si_status if killed else found.si_status}\n".encode())
    os.close(told)
    os.close(end)


def _let_go(channel: socket.socket, given: list[int], living: Mapping[int, int]) -> None:
    """Close what is none of a fork's business."""
    channel.close()
    for number in (*given, *living.keys(), *living.values()):
        os.close(number)


def _be(birth: Birth) -> None:
    measured = any(name.startswith("COVERAGE") for name in birth.environment)
    if not measured and (running := coverage.Coverage.current()) is not None:
        running.stop()
    os.chdir(birth.folder)
    os.environ.clear()
    os.environ.update(birth.environment)
    sys.argv = [birth.module, *birth.arguments]
    runpy.run_module(birth.module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
