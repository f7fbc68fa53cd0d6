"""Sees to how a model's stream ends: in order, cut off, filtered, or in no shape at all."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, TypeVar, cast

from agents import ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel
from agents.exceptions import _mark_error_to_drain_stream_events
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import Response, ResponseCompletedEvent
from typing_extensions import override

from assistant import tracing
from assistant.engine import calls, faults
from assistant.engine.calls import Asked, Service

_Error = TypeVar("_Error", bound=BaseException)
_ANNOUNCED = frozenset({"response.output_item.added", "response.content_part.added"})
# What reading data of another shape than expected raises.
_MISSHAPEN = (AttributeError, TypeError, LookupError, ValueError)


class ChatModel(OpenAIChatCompletionsModel):
    """The SDK's model for Chat Completions, which takes a stream that just ends for whole."""

    def __init__(
        self, model: str, client: AsyncOpenAI, service: Service, correlation_id: str
    ) -> None:
        super().__init__(model, client)
        self._service, self._correlation_id = service, correlation_id

    @override
    def stream_response(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        """Return the SDK's events; they end with what became of the answer, raised as an error."""
        asked = Asked.of(self._service, str(self.model), *args, **kwargs)
        return calls.watched(seen_to(self.made(*args, **kwargs)), asked)

    def made(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        """Return the events as the SDK makes them."""
        return cast("AsyncGenerator[Any]", super().stream_response(*args, **kwargs))

    @override
    def _merge_headers(self, model_settings: ModelSettings) -> dict[str, Any]:
        return {**super()._merge_headers(model_settings), **_told_on(self._correlation_id)}

    @override
    async def _fetch_response(self, *args: Any, **kwargs: Any) -> Any:
        # Only here do the chunks pass by; the events made of them do not tell why they ended.
        fetched = await super()._fetch_response(*args, **kwargs)
        if not isinstance(fetched, tuple):
            return fetched
        response, stream = fetched
        return response, _Chunks(stream)


class ResponsesModel(OpenAIResponsesModel):
    """The SDK's model for Responses, which takes an answer at its token limit for a failure."""

    def __init__(
        self, model: str, client: AsyncOpenAI, service: Service, correlation_id: str
    ) -> None:
        super().__init__(model, client)
        self._service, self._correlation_id = service, correlation_id

    @override
    def stream_response(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        """Return the SDK's events; they end with what became of the answer, raised as an error."""
        asked = Asked.of(self._service, str(self.model), *args, **kwargs)
        return calls.watched(seen_to(self.made(*args, **kwargs)), asked)

    def made(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        """Return the events as the SDK makes them."""
        return cast("AsyncGenerator[Any]", super().stream_response(*args, **kwargs))

    @override
    def _merge_headers(self, model_settings: ModelSettings) -> dict[str, Any]:
        return {**super()._merge_headers(model_settings), **_told_on(self._correlation_id)}


def _told_on(correlation_id: str) -> dict[str, str]:
    """Return the headers by which the provider's records and ours are brought together."""
    return {"X-Correlation-ID": correlation_id, **tracing.carrier()}


class _Chunks:
    """A stream of chunks that ends only where its last one says why."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._began = False
        self._finish: str | None = None

    def __aiter__(self) -> _Chunks:
        return self

    async def __anext__(self) -> ChatCompletionChunk:
        try:
            chunk = cast("ChatCompletionChunk", await anext(self._stream))
        except StopAsyncIteration:
            if self._finish == "content_filter":
                raise faults.filtered() from None
            if self._began and self._finish is None:
                raise faults.cut() from None
            if self._finish is not None:
                calls.tell_finish(self._finish)
            raise
        if not self._began:
            calls.tell_chunk(chunk)
        for choice in chunk.choices or ():
            self._began = True
            self._finish = choice.finish_reason or self._finish
        return chunk

    async def close(self) -> None:
        """Close the connection."""
        await self._stream.close()


async def seen_to(events: AsyncGenerator[Any]) -> AsyncGenerator[Any]:
    """Pass events on up to the one that completes the answer."""
    began, held = False, list[Any]()
    async with aclosing(events):
        try:
            async for event in events:
                if event.type in _ANNOUNCED:
                    # The runner asks again only while it has seen nothing of the answer.
                    held.append(event)
                    continue
                end = _end(event, began=began)
                for one in (*held, end or event):
                    yield one
                if end is not None:
                    return
                held.clear()
                began = began or str(event.type).startswith("response.")
        except _MISSHAPEN as error:
            raise _drained(faults.nonsense()) from error
        except Exception as error:
            _drained(error)
            raise
    raise _drained(faults.cut() if began else faults.nonsense())


def _drained(error: _Error) -> _Error:
    """Have the runner hand on what came before the error, which else is lost at random."""
    _mark_error_to_drain_stream_events(error)
    return error


def _end(event: Any, *, began: bool) -> ResponseCompletedEvent | None:
    """Return the event, if it is one that ends an answer in order."""
    match event.type:
        case "response.completed" | "response.incomplete" if not isinstance(
            event.response.output, list
        ):
            raise faults.nonsense()
        case "response.completed":
            if not began and not event.response.output:
                raise faults.nonsense()
            return cast("ResponseCompletedEvent", event)
        case "response.incomplete":
            return _at_its_limit(event.response)
        case "error" | "response.error" | "response.failed":
            raise faults.failed()
        case _:
            return None


def _at_its_limit(response: Response) -> ResponseCompletedEvent:
    """Return the end of an answer that grew too long; what there is of it is the answer."""
    details = response.incomplete_details
    if details is not None and details.reason == "content_filter":
        raise faults.filtered()
    return ResponseCompletedEvent(type="response.completed", response=response, sequence_number=0)
