"""A streamed answer as the SDK reads it, less the text that its listeners are told directly."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Self

import httpx2
import openai

from assistant.engine.transport.reply import Reply
from assistant.engine.transport.telling import Telling

_DONE = b"[DONE]"


class Stream(ABC):
    """What the SDK asks for one object after the other, in place of the openai client's stream.

    Each protocol says in `_next` what of the data at hand is text, and what the SDK must see.
    """

    def __init__(self, reply: Reply, telling: Telling) -> None:
        self._reply = reply
        self._telling = telling
        self._due: Iterator[bytes] = iter(())
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        found = self._next_of_these()
        if found is None and self._telling.direct:
            # In a task of its own: to wake this one for each token would go down, every time,
            # through all that waits for the SDK's next object.
            found = await asyncio.create_task(self._found(), name="model.text")
        elif found is None:
            found = await self._found()
        if found is None:
            raise StopAsyncIteration
        return found

    async def _found(self) -> Any:
        """Read on up to the next object for the SDK; None at the end."""
        found = None
        while found is None and not self._ended:
            if self._telling.direct:
                await self._telling.room()
            read = await self._reply.read()
            self._due, self._ended = iter(read), not read
            found = self._next_of_these()
        return found

    def _next_of_these(self) -> Any:
        self._telling.repeats = False
        return self._next()

    async def close(self) -> None:
        """Let the connection go."""
        self._reply.close()

    @abstractmethod
    def _next(self) -> Any:
        """Return the next object for the SDK, telling the text before it; None for none yet."""

    def _parsed(self, data: bytes) -> Any:
        """Return data as the openai client reads it; None for the mark that there is no more.

        Raises:
            APIError: when the provider tells of an error of its own.
            ValueError: when it is no JSON.
        """
        if data.startswith(_DONE):
            self._reply.finish()
            self._due, self._ended = iter(()), True
            return None
        read = json.loads(data.decode())
        if isinstance(read, dict) and (error := read.get("error")):
            said = error.get("message") if isinstance(error, dict) else None
            text = said if isinstance(said, str) and said else "An error occurred during streaming"
            raise openai.APIError(text, httpx2.Request("POST", self._reply.url), body=error)
        if read is None:
            raise ValueError("an event's data is null")
        return read
