"""Sends an answer to the client, and lets it go wrong where the plan says so."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

from tests.upstream.echoes import echo
from tests.upstream.replies import asked_error, error, nonsense
from tests.upstream.wire import Line, dumps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.upstream.directives import Fault
    from tests.upstream.journal import Journal
    from tests.upstream.script import Plan
    from tests.upstream.wire import Frame


class Answer(Protocol):
    """A plan told in one of the protocols."""

    def whole(self) -> dict[str, Any]:
        """Return the answer as one object."""

    def frames(self) -> Iterator[Frame]:
        """Yield the answer as a stream."""

    def failure(self, shape: str) -> Iterator[Frame]:
        """Yield the frames that break a stream off, in place of the frame yielded last."""


class Delivery:
    """One answer on its way to one client."""

    def __init__(self, request: web.Request, body: object, plan: Plan, journal: Journal) -> None:
        self._request = request
        self._body = body
        self._plan = plan
        self._journal = journal

    async def before(self, *, streamed: bool) -> web.StreamResponse | None:
        """Play the faults that come instead of an answer; None when there is none."""
        for fault in self._plan.faults:
            if fault.at is not None:
                continue
            match fault.kind:
                case "error":
                    return asked_error(fault)
                case "nonsense":
                    return nonsense(fault, streamed=streamed)
                case "echo":
                    return await echo(self._request, fault, self._body)
                case "cut":
                    return self._hang_up(web.Response())
                case "stall":
                    await _silence()
                case _:
                    await self._journal.hold()
        return None

    async def whole(self, answer: Answer) -> web.StreamResponse:
        """Send the answer as one JSON body; any later fault strikes in the middle of it."""
        body = dumps(answer.whole()).encode()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = len(body)
        for fault in self._plan.faults:
            match fault.kind:
                case "errorevent":
                    return error(500)
                case "hold":
                    await self._journal.hold()
                case _:
                    await response.prepare(self._request)
                    await response.write(body[: len(body) // 2])
                    return await self._strike(fault, response)
        await response.prepare(self._request)
        await response.write(body)
        await response.write_eof()
        return response

    async def stream(self, answer: Answer) -> web.StreamResponse:
        """Send the answer as server-sent events."""
        headers = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(self._request)
        line = Line(response, self._plan.wire)
        waiting = [fault for fault in self._plan.faults if fault.at is not None]
        deltas = 0
        for frame in answer.frames():
            while struck := _next_due(waiting, deltas, frame):
                waiting.remove(struck)
                if struck.kind == "hold":
                    await self._journal.hold()
                    continue
                if struck.kind == "errorevent":
                    await self._break_off(line, answer.failure(struck.value))
                return await self._strike(struck, response)
            await line.write(frame)
            deltas += frame.is_delta
        await response.write_eof()
        return response

    async def _break_off(self, line: Line, frames: Iterator[Frame]) -> None:
        for frame in frames:
            await line.write(frame)

    async def _strike(self, fault: Fault, response: web.StreamResponse) -> web.StreamResponse:
        if fault.kind == "stall":
            await _silence()
        # A body of declared length cannot end in order before its end.
        in_order = fault.kind == "errorevent" or "clean" in fault.options
        if in_order and response.content_length is None:
            await response.write_eof()
            return response
        return self._hang_up(response)

    def _hang_up(self, response: web.StreamResponse) -> web.StreamResponse:
        """Close the connection with the body unfinished; what was written still arrives."""
        if self._request.transport is not None:
            self._request.transport.close()
        return response


async def _silence() -> None:
    """Say nothing more until the client leaves, which cancels the handler."""
    await asyncio.Event().wait()


def _next_due(waiting: list[Fault], deltas: int, frame: Frame) -> Fault | None:
    """Return the first fault to strike now; one at 0 waits for the first delta to come."""
    for fault in waiting:
        if fault.at == deltas and (deltas or frame.is_delta):
            return fault
    return None
