"""How a process collects its garbage: not while it starts, and then seldom."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_NEWEST, _YOUNG, _OLD = 10_000, 20, 20
"""After how many new objects the newest are looked through; after how many such looks the young,
and after how many of theirs all.

A run makes and lets go of objects by the thousand, nearly all of them without a cycle: at Python's
own 700 the collector looks, and finds nothing, several times in each run. Ten thousand objects are
a few megabytes.
"""


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage until the block ends, or what is there is set aside.

    Loading makes objects by the hundred thousand, and nearly all of them stay.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def set_aside() -> None:
    """Collect from now on, never looking through what is there now, and less often than usual.

    What little garbage loading left is not looked for first, which would take longer than
    opening all parts does.
    """
    gc.freeze()
    gc.set_threshold(_NEWEST, _YOUNG, _OLD)
    gc.enable()
