"""A streamed answer as the SDK reads it, less the text that its listeners are told directly."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Self

import httpx2
import openai

from assistant.engine.transport.reply import Reply
from assistant.engine.transport.telling import Telling

DONE = b"[DONE]"


class Stream(ABC):
    """What the SDK asks for one object after the other, in place of the openai client's stream.

    Each protocol says in `_next` what of the data at hand is text, and what the SDK must see.
    """

    def __init__(self, reply: Reply, telling: Telling) -> None:
        self._reply = reply
        self._telling = telling
        self._due: Iterator[bytes] = iter(())
        self._ended = False
        self._found: Any = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        self._telling.repeats = False
        found = self._found = self._next()
        while found is None and not self._ended:
            if self._telling.direct:
                await self._telling.room()
            await self._reply.read(self._take)
            found = self._found
        if found is None:
            raise StopAsyncIteration
        return found

    def _take(self, read: list[bytes]) -> bool:
        """Tell the text of what came; return whether there is nothing yet to do but that."""
        self._due, self._ended = iter(read), not read
        self._found = self._next()
        return self._found is None and not self._ended and not self._telling.is_full

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
        if data.startswith(DONE):
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
