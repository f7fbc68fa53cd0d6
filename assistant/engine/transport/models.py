"""The SDK's models with our way to the provider: they keep what is done once for each call."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Self, cast

from agents import ModelSettings
from openai import AsyncOpenAI
from typing_extensions import override

from assistant.engine import calls
from assistant.engine.calls import Asked, Service
from assistant.engine.endings import ChatModel, ResponsesModel
from assistant.engine.jobs import Voice
from assistant.engine.transport.asking import NO_TOOLS, Create, are_said, in_words
from assistant.engine.transport.chat import ChatStream
from assistant.engine.transport.door import Door
from assistant.engine.transport.reply import Reply
from assistant.engine.transport.responses import ResponsesStream
from assistant.engine.transport.telling import Telling, told


class DirectChatModel(ChatModel):
    """Chat Completions, with text told as it comes off the wire."""

    def __init__(
        self, model: str, door: Door, service: Service, correlation_id: str, voice: Voice | None
    ) -> None:
        super().__init__(model, door.client, service, correlation_id)
        self._door, self._voice = door, voice

    @override
    def made(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        # A model for this call alone: its client knows what of the answer was told.
        telling, door = Telling(self._voice), self._door

        async def create(**request: Any) -> ChatStream:
            return ChatStream(await door.ask("chat/completions", request), telling)

        return told(self._through(create).made(*args, **kwargs), telling)

    def in_words(
        self, instructions: str | None, given: list[Any], settings: ModelSettings
    ) -> AsyncGenerator[Any]:
        """Return what `stream_response` does for a call without tools, less what repeats text."""
        if self._voice is None or not are_said(given):
            return self.stream_response(instructions, given, settings, *NO_TOOLS)
        asked = Asked(self._service, str(self.model), instructions, given, settings)
        headers = self._merge_headers(settings)
        events = in_words(asked, headers, self._door, Telling(self._voice), self._through)
        return calls.watched(events, asked)

    def _through(self, create: Create) -> ChatModel:
        """Return the SDK's model with other streams than the provider's."""
        client = cast("AsyncOpenAI", _ChatClient(self._door.base_url, create))
        return ChatModel(str(self.model), client, self._service, self._correlation_id)


class DirectResponsesModel(ResponsesModel):
    """Responses, with text told as it comes off the wire."""

    def __init__(
        self, model: str, door: Door, service: Service, correlation_id: str, voice: Voice | None
    ) -> None:
        super().__init__(model, door.client, service, correlation_id)
        self._door, self._voice = door, voice

    @override
    def made(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        # As above.
        telling = Telling(self._voice)
        client = cast("AsyncOpenAI", _ResponsesClient(self._door, telling))
        model = ResponsesModel(str(self.model), client, self._service, self._correlation_id)
        return told(model.made(*args, **kwargs), telling)


class _ChatClient:
    """Stands for the openai client in one call, and for each step on the way to its `create`."""

    def __init__(self, base_url: str, create: Create) -> None:
        self.base_url, self.create = base_url, create

    @property
    def chat(self) -> Self:
        """The first step."""
        return self

    @property
    def completions(self) -> Self:
        """The second."""
        return self


class _ResponsesClient:
    """Stands for the openai client in one call, and for each step on the way to its `create`."""

    def __init__(self, door: Door, telling: Telling) -> None:
        self.base_url = door.base_url
        self._door, self._telling = door, telling

    @property
    def responses(self) -> Self:
        """The first step."""
        return self

    @property
    def with_streaming_response(self) -> Self:
        """The second."""
        return self

    def create(self, **request: Any) -> _Asked:
        """Return the answer to a request, which is sent on entering the answer's context."""
        return _Asked(self._door, request, self._telling)


class _Asked:
    """A raw response of the openai client's, as far as the SDK uses it; its reader closes it."""

    def __init__(self, door: Door, request: dict[str, Any], telling: Telling) -> None:
        self._door, self._request, self._telling = door, request, telling
        self._reply: Reply | None = None

    async def __aenter__(self) -> Self:
        self._reply = await self._door.ask("responses", self._request)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reply is not None:
            self._reply.close()

    @property
    def request_id(self) -> str | None:
        """What the provider calls the request."""
        return self._reply.request_id if self._reply else None

    async def parse(self) -> ResponsesStream:
        """Return the events of the answer."""
        assert self._reply is not None, "entered first"  # noqa: S101
        return ResponsesStream(self._reply, self._telling)
