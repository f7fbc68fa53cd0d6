"""HTTP written by hand, byte by byte, for requests that no client would send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from multidict import CIMultiDict

from tests.client import Answer, check_error
from tests.loglines import Written
from tests.web.site import Site

_LIMIT = 5


@dataclass(slots=True)
class Wire:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Write bytes as they are; a server that has gone already is no error."""
        with suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def hear(self, *, head: bool = False) -> Answer | None:
        """Return the next answer, or None where the server closes instead.

        `head` is for an answer to HEAD, which has no body whatever its length says.
        """
        async with asyncio.timeout(_LIMIT):
            try:
                raw = await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            first, *rest = raw.decode("latin-1").split("\r\n")[:-2]
            headers = CIMultiDict([_field(line) for line in rest])
            body = b"" if head else await self._body(headers)
        assert first.startswith(("HTTP/1.1 ", "HTTP/1.0 ")), first
        return Answer(int(first.split()[1]), headers, body)

    async def closed(self) -> bytes:
        """Wait until the server closes, and return what it said before."""
        async with asyncio.timeout(_LIMIT):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        if "Content-Length" in headers:
            return await self.reader.readexactly(int(headers["Content-Length"]))
        if headers.get("Transfer-Encoding") != "chunked":
            return b""
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)
        return body


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(": ")
    return name, value


@asynccontextmanager
async def wired(site: Site) -> AsyncIterator[Wire]:
    """Connect to the server, and drop the connection at the end."""
    reader, writer = await asyncio.open_connection(site.server.host, site.server.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


def request(
    method: str,
    target: str,
    *headers: str | bytes,
    body: bytes = b"",
    media: str = "application/json",
) -> bytes:
    """Return a request as bytes; it asks for the connection to be closed."""
    lines = [f"{method} {target} HTTP/1.1", "Host: here", "Connection: close", *headers]
    if body:
        lines += [f"Content-Type: {media}", f"Content-Length: {len(body)}"]
    raw = [line.encode() if isinstance(line, str) else line for line in lines]
    return b"\r\n".join(raw) + b"\r\n\r\n" + body


@dataclass(slots=True)
class Probe:
    """Sends bad requests one after the other, and collects what is wrong with the answers.

    Attributes:
        canary: text that no answer to a bad request may repeat.
    """

    site: Site
    logged: Written
    canary: str = "canary7f3a"
    problems: list[str] = field(default_factory=list)

    async def send(self, label: str, data: bytes, *statuses: int, named: str = "") -> None:
        """Send a request on a connection of its own; its status must be one of those given."""
        before = len(self._requests())
        try:
            async with wired(self.site) as wire:
                await wire.send(data)
                answer = await wire.hear(head=data.startswith(b"HEAD "))
            assert answer is not None, "closed without an answer"
            assert answer.status in statuses, answer
            self._check(answer, named, head=data.startswith(b"HEAD "))
            lines = self._requests()[before:]
            assert [line["status"] for line in lines] == [answer.status], lines
            correlation_id = answer.headers["X-Correlation-ID"]
            assert lines[0]["correlation_id"] == correlation_id, lines
        except (AssertionError, TimeoutError) as problem:
            self.problems.append(f"{label}: {problem!r:.400}")

    def _check(self, answer: Answer, named: str, *, head: bool) -> None:
        if answer.status >= 400 and not head:
            body = check_error(answer, answer.status)
            assert named in body["detail"], body
            assert self.canary not in body["detail"], body
            assert all(char.isprintable() for char in body["detail"]), body
        if answer.status == 405:
            assert answer.headers["Allow"], answer

    def _requests(self) -> list[dict[str, Any]]:
        return [line for line in self.logged.lines if line["event"] == "http.request"]
