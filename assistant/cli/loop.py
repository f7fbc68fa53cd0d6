"""Runs a command's coroutine on the quickest event loop that this machine has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

_T = TypeVar("_T")


def run(main: Coroutine[None, None, _T]) -> _T:
    """Run a coroutine to its end on a loop of its own, and return what it returns."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - there is none for Windows and PyPy
    except ImportError:
        return None
    return uvloop.new_event_loop
