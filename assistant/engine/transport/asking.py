"""Asks for words alone over Chat Completions, as the SDK would, and with less of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from typing import Any, NoReturn

from agents.models.interface import ModelTracing
from openai.types.responses import ResponseCompletedEvent

from assistant.engine.calls import Asked
from assistant.engine.endings import ChatModel, seen_to
from assistant.engine.transport.chat import ChatStream
from assistant.engine.transport.door import Door, given
from assistant.engine.transport.telling import Telling, told
from assistant.engine.transport.words import BEGUN, NO_ANSWER, WordStream, unchecked

_ITEM = frozenset({"role", "content"})
_SAID_BY = frozenset({"user", "assistant"})
# Kinds of calls, which differ by persona and by what a request may choose.
_KEPT = 64

_COMPLETED = unchecked(
    ResponseCompletedEvent, type="response.completed", response=NO_ANSWER, sequence_number=0
)
# Tools, a schema, hand-overs, traces of the SDK's own, conversations that the provider keeps.
NO_TOOLS: tuple[Any, ...] = ([], None, [], ModelTracing.DISABLED, None, None, None)

Create = Callable[..., Awaitable[ChatStream]]
"""Returns the chunks of the answer to a request, given as to the openai client's `create`."""


def are_said(given: Sequence[Any]) -> bool:
    """Return whether a conversation is nothing but what was said, which is sent as it is."""
    return all(
        item.keys() == _ITEM and item["role"] in _SAID_BY and isinstance(item["content"], str)
        for item in given
    )


async def in_words(
    asked: Asked,
    headers: dict[str, Any],
    door: Door,
    telling: Telling,
    through: Callable[[Create], ChatModel],
) -> AsyncGenerator[Any]:
    """Ask for words, and yield what the SDK's model would, less what only repeats its text.

    Args:
        asked: what for.
        headers: go with the request, besides those of every request.
        door: the way to the provider.
        telling: where the words go.
        through: returns the SDK's model with given streams, for all that is not words.

    Raises:
        Exception: why there is no answer, as the SDK's model tells it.
    """
    usual = await _usual(asked, door, through)
    said = [{"content": asked.instructions, "role": "system"}] if asked.instructions else []
    request = {**usual, "messages": [*said, *asked.given], "extra_headers": headers}
    stream = WordStream(await door.ask("chat/completions", request), telling)
    try:
        async for found in stream:
            if found is BEGUN:
                yield found
                continue
            async with aclosing(seen_to(told(_rest(stream, asked, through), telling))) as events:
                async for event in events:
                    yield event
            return
    finally:
        await stream.close()
    response = stream.answer(asked.model, asked.settings)
    yield _COMPLETED.model_copy(update={"response": response})


def _rest(
    stream: WordStream, asked: Asked, through: Callable[[Create], ChatModel]
) -> AsyncGenerator[Any]:
    """Have the SDK go on reading where there is more than words."""

    async def go_on(**_request: Any) -> WordStream:
        return stream

    return through(go_on).made(asked.instructions, asked.given, asked.settings, *NO_TOOLS)


async def _usual(
    asked: Asked, door: Door, through: Callable[[Create], ChatModel]
) -> dict[str, Any]:
    """Return what the SDK asks with these settings, whatever the conversation."""
    settings = asked.settings
    key = (id(settings), asked.model)
    known = door.usual.pop(key, None)
    if known is None:
        heard: dict[str, Any] = {}

        async def listen(**request: Any) -> NoReturn:
            heard.update(request)
            raise _HeardError

        with suppress(_HeardError):
            async for _ in through(listen).made(None, [], settings, *NO_TOOLS):
                pass
        # With the settings, so that no others come to have their place.
        known = settings, given(heard)
    door.usual[key] = known
    if len(door.usual) > _KEPT:
        door.usual.popitem(last=False)
    return known[1]


class _HeardError(Exception):
    """Ends a call of which nothing was to be known but what it asks."""
