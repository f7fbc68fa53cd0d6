"""Tools that break with canaries in their hands: in locals, messages, threads, tasks and logs."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import threading
import warnings
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

import structlog
from pydantic import BaseModel
from sqlalchemy import create_engine, text
from typing_extensions import override

from assistant.tool import Call, Tool, ToolRefusedError

log = structlog.get_logger(__name__)


class Wanted(BaseModel):
    """What the tool is to do, and with what in its hands."""

    how: str
    said: str


class Note(BaseModel):
    """What is written down once somebody said yes."""

    text: str
    how: str = "well"


class _LoudError(Exception):
    def __init__(self, said: str) -> None:
        super().__init__(said, {"password": said, "headers": {"Authorization": said}})
        self.add_note(f"while it was said: {said}")

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.args!r})"


def _raise(said: str) -> NoReturn:
    held = {"said": said, "list": [said]}
    raise _LoudError(held["list"][0])


def _chain(said: str) -> NoReturn:
    try:
        _raise(said)
    except _LoudError as error:
        raise RuntimeError(f"could not: {said}") from error


def _group(said: str) -> NoReturn:
    inner = ExceptionGroup(said, [_LoudError(said), KeyError(said)])
    raise ExceptionGroup("two of them", [inner, OSError(5, said, said)])


def _circle(said: str) -> NoReturn:
    one, two = _LoudError(said), ValueError(said)
    one.__cause__, two.__context__ = two, one
    raise one


def _unreadable(said: str) -> NoReturn:
    class Unreadable(Exception):  # noqa: N818 - it is named for what it is
        __slots__ = ()

        @override
        def __str__(self) -> str:
            raise ValueError(said)

        __repr__ = __str__

    raise Unreadable(said)


def _misshapen(said: str) -> NoReturn:
    Note.model_validate({"text": [said], said: said})
    raise AssertionError


def _statement(said: str) -> NoReturn:
    with create_engine("sqlite://").connect() as connection:
        connection.execute(text("CREATE TABLE people (name TEXT UNIQUE)"))
        for _ in range(2):
            connection.execute(text("INSERT INTO people VALUES (:name)"), {"name": said})
    raise AssertionError


def _refuse(said: str) -> NoReturn:
    raise ToolRefusedError(said)


def _interrupted(said: str) -> NoReturn:
    raise asyncio.CancelledError(said)


async def _in_thread(said: str) -> str:
    thread = threading.Thread(target=_chain, args=(said,), name="mischief")
    thread.start()
    await asyncio.to_thread(thread.join)
    return "A thread broke."


async def _in_task(said: str) -> str:
    async def broken() -> None:
        _group(said)

    task = asyncio.create_task(broken(), name="mischief")
    await asyncio.wait({task})
    # Nobody asks how it ended: the loop is told when it is collected.
    del task
    gc.collect()
    return "A task broke."


async def _in_callback(said: str) -> str:
    asyncio.get_running_loop().call_soon(_raise, said)
    await asyncio.sleep(0)
    return "A callback broke."


async def _in_finaliser(said: str) -> str:
    class Fragile:
        def __del__(self) -> None:
            _raise(said)

    Fragile()
    gc.collect()
    return "A finaliser broke."


async def _never_awaited(said: str) -> str:
    _in_thread(said)  # type: ignore[unused-coroutine]  # that is the fault
    gc.collect()
    return "Nobody waited."


async def _warned(said: str) -> str:
    warnings.warn(said, stacklevel=1)
    warnings.warn(f"deprecated: {said}", DeprecationWarning, stacklevel=1)
    return "Somebody warned."


async def _logged(said: str) -> str:
    """Log as libraries do, and as a program does that thinks little of it."""
    for name in ("urllib3", "redis.connection", "aiohttp.server", "openai.agents", "mine"):
        logging.getLogger(name).warning("request failed: %s", {"headers": {"cookie": said}})
        logging.getLogger(name).debug("sent %r", said)
    log.error("mischief.done", detail=said, headers={"Authorization": said}, rows=[(said,)])
    try:
        _chain(said)
    except RuntimeError:
        log.exception("mischief.failed", deep={"password": {"value": said}})
    return "Somebody logged."


async def _killed(_said: str) -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return "Never told."


_Deed = Callable[[str], Awaitable[str]]
_DEEDS: Mapping[str, Callable[[str], Any]] = {
    "raises": _raise,
    "raises a chain": _chain,
    "raises a group": _group,
    "raises a circle": _circle,
    "raises what cannot be read": _unreadable,
    "raises a validation error": _misshapen,
    "raises a database error": _statement,
    "refuses": _refuse,
    "is cancelled": _interrupted,
    "breaks in a thread": _in_thread,
    "breaks in a task": _in_task,
    "breaks in a callback": _in_callback,
    "breaks in a finaliser": _in_finaliser,
    "is never awaited": _never_awaited,
    "warns": _warned,
    "logs": _logged,
    "is killed": _killed,
}
DEEDS = tuple(_DEEDS)


async def _misbehave(_call: Call, wanted: Wanted) -> str:
    done = _DEEDS[wanted.how](wanted.said)
    return str(await done)


async def _write(_call: Call, note: Note) -> str:
    if note.how != "well":
        _DEEDS[note.how](note.text)
    return f"Noted: {note.text}"


async def _summary(_call: Call, note: Note) -> str:
    return f"Write down: {note.text}"


def tools() -> Mapping[str, Tool[Any]]:
    """Return a tool that breaks as it is told, and one that asks before it writes."""
    breaking = Tool("misbehave", "Break.", Wanted, _misbehave)
    writing = Tool("write_note", "Write.", Note, _write, effectful=True, summarise=_summary)
    return {tool.name: tool for tool in (breaking, writing)}
