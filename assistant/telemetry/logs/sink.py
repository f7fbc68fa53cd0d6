"""Where lines go: each in one write, never waiting long, never raising, and counting the lost."""

from __future__ import annotations

import os
import select
import stat
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

_PATIENCE_MS = 20
_WAITING = 100
_TRIES = 2


class Sink:
    """Writes whole lines to a stream.

    Lines of several threads do not mix, and up to PIPE_BUF bytes (4096 on Linux) those of several
    processes on one pipe do not either. A reader that stands still costs the first line 20 ms and
    those after it nothing: they are dropped and counted until there is room again. The same goes
    for a full disk and a reader that has gone. The first line that is written again comes after
    one that says how many are missing.

    Attributes:
        dropped: lines lost since the start.
    """

    def __init__(self, stream: TextIO | None, missing: Callable[[int], bytes]) -> None:
        self.dropped = 0
        self._missing = missing
        self._untold = 0
        self._stream = stream
        self._file, self._waits = _own_file(stream)
        self._lock = threading.RLock()
        self._busy = False
        self._stuck = False
        # A line that went out in part is finished before the next begins.
        self._rest = b""
        self._waiting: deque[bytes] = deque()

    def write(self, line: bytes) -> None:
        """Write a line, given without its end, or count it as dropped."""
        with self._lock:
            if self._busy:
                # The garbage collector, or a signal, logs in the midst of another line.
                self._wait_for_turn(line)
                return
            self._busy = True
            try:
                self._write(line)
                while self._waiting:
                    self._write(self._waiting.popleft())
            finally:
                self._busy = False

    def close(self) -> None:
        """Let go of the stream; it stays open for others."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
            self._file = self._stream = None

    def _wait_for_turn(self, line: bytes) -> None:
        if len(self._waiting) < _WAITING:
            self._waiting.append(line)
        else:
            self._lose()

    def _write(self, line: bytes) -> None:
        if self._untold:
            # In one with the line, which alone may find no room, and would be missing as well.
            line = self._missing(self._untold) + b"\n" + line
        if self._put(line):
            self._untold = 0
        else:
            self._lose()

    def _lose(self) -> None:
        self.dropped += 1
        self._untold += 1

    def _put(self, line: bytes) -> bool:
        """Return whether a line is written, or will be in the end."""
        try:
            if self._file is not None:
                return self._flush() and self._begin(line + b"\n")
            if self._stream is None:
                return False
            self._stream.write(line.decode() + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            return False
        return True

    def _begin(self, whole: bytes) -> bool:
        sent = self._send(whole)
        if 0 < sent < len(whole):
            self._rest = whole[sent:]
            with suppress(OSError):
                self._flush()
        return sent > 0

    def _flush(self) -> bool:
        while self._rest:
            sent = self._send(self._rest)
            if not sent:
                return False
            self._rest = self._rest[sent:]
        return True

    def _send(self, data: bytes) -> int:
        """Write what there is room for; returns how many bytes."""
        if self._file is None or (self._waits and not self._has_room(self._file)):
            return 0
        for _ in range(_TRIES):
            with suppress(BlockingIOError):
                sent = os.write(self._file, data)
                self._stuck = False
                return sent
            if not self._has_room(self._file):
                break
        return 0

    def _has_room(self, file: int) -> bool:
        if not hasattr(select, "poll"):
            return True
        poll = select.poll()
        poll.register(file, select.POLLOUT)
        self._stuck = not poll.poll(0 if self._stuck else _PATIENCE_MS)
        return not self._stuck


def _own_file(stream: TextIO | None) -> tuple[int | None, bool]:
    """Return a file descriptor of our own for a stream, if it has one, and whether writing waits.

    Our own, as whoever closes standard error frees its number, and what is opened next gets it.
    A pipe is opened anew where that can be done, so that a write never waits for its reader: a
    mark on the descriptor that we were given would hold for every process that shares it.
    """
    if stream is None:
        return None, False
    try:
        number = stream.fileno()
        kind = os.fstat(number).st_mode
        if stat.S_ISFIFO(kind):
            with suppress(OSError):
                return os.open(f"/proc/self/fd/{number}", os.O_WRONLY | os.O_NONBLOCK), False
        return os.dup(number), not stat.S_ISREG(kind)
    except (OSError, ValueError):
        return None, False
