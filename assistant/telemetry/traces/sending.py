"""One HTTP request to a collector, which may do as it likes: bounded in time and in bytes."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import cast

from typing_extensions import Buffer, override

from assistant.telemetry.traces.collector import Collector

_MOST = 65_536  # bytes of an answer, head and body; a collector says "ok" in twenty
_PIECE = 65_536
_GLANCE = 0.1  # seconds after which it looks whether the end has come nearer

End = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a collector said: the status, seconds until it wants to hear more, and the body."""

    status: int
    retry_after: str
    body: bytes


def post(collector: Collector, body: bytes, end: End) -> Answer:
    """Send a body and read the answer; a redirection is an answer and not followed.

    Args:
        collector: where to, and with which headers.
        body: as its headers say that it is.
        end: returns when all of it must be over, on the monotonic clock; it may come nearer.

    Raises:
        OSError: it cannot be reached, went away, or took too long (`TimeoutError`).
        http.client.HTTPException: what it said is no HTTP.
        ValueError: its host or a header cannot be sent as it is.
    """
    with _connect(collector, end) as sock:
        connection = HTTPConnection(collector.host, collector.port)
        connection.sock = cast("socket.socket", _Wire(sock, end))
        connection.request("POST", collector.path, body, collector.headers)
        return _read(connection.getresponse())


def _connect(collector: Collector, end: End) -> socket.socket:
    sock = socket.create_connection((collector.host, collector.port), _left(end))
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(_left(end))
        if collector.tls is None:
            return sock
        return collector.tls.wrap_socket(sock, server_hostname=collector.host)
    except BaseException:
        sock.close()
        raise


def _read(response: HTTPResponse) -> Answer:
    return Answer(response.status, response.getheader("Retry-After", ""), response.read(_MOST))


def _left(end: End) -> float:
    left = end() - time.monotonic()
    if left <= 0:
        message = "the collector took too long"
        raise TimeoutError(message)
    return left


class _Wire:
    """A connected socket, as far as `http.client` uses it, on which nothing goes past an end.

    A socket's own timeout begins anew with every byte.
    """

    def __init__(self, sock: socket.socket, end: End) -> None:
        self._sock = sock
        self._end = end

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._sock.settimeout(min(_left(self._end), _GLANCE))
            with suppress(TimeoutError):
                view = view[self._sock.send(view[:_PIECE]) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reading(self._sock, self._end))

    def close(self) -> None:
        """Leave it open: `http.client` closes before it reads what comes until the end."""


class _Reading(io.RawIOBase):
    """What a socket receives until an end, and not more than an answer needs."""

    def __init__(self, sock: socket.socket, end: End) -> None:
        super().__init__()
        self._sock = sock
        self._end = end
        self._most = _MOST

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer) -> int:
        got = self._receive(buffer)
        self._most -= got
        if self._most < 0:
            message = "the collector says more than an answer"
            raise OSError(message)
        return got

    def _receive(self, buffer: Buffer) -> int:
        while True:
            self._sock.settimeout(min(_left(self._end), _GLANCE))
            with suppress(TimeoutError):
                return self._sock.recv_into(buffer)
