"""What the demo model does, as the events of a model's stream."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseCreatedEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionCallArgumentsDoneEvent,
    ResponseFunctionToolCall,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
    ResponseUsage,
)
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from assistant.dialogue import Heard, Said, Use, Used

_ID = "demo"


def message(text: str) -> ResponseOutputMessage:
    """Return a whole message."""
    content = ResponseOutputText(type="output_text", text=text, annotations=[])
    return ResponseOutputMessage(
        id=_ID, type="message", role="assistant", status="completed", content=[content]
    )


def call(use: Use, call_id: str) -> ResponseFunctionToolCall:
    """Return a whole call of a tool."""
    return ResponseFunctionToolCall(
        id=f"fc_{call_id}",
        type="function_call",
        call_id=call_id,
        name=use.tool,
        arguments=json.dumps(dict(use.arguments), ensure_ascii=False),
        status="completed",
    )


def created() -> ResponseCreatedEvent:
    """Return the first event of an answer."""
    return ResponseCreatedEvent(
        type="response.created", response=_response([], None), sequence_number=0
    )


def delta(text: str, number: int) -> ResponseTextDeltaEvent:
    """Return the event of a piece of text."""
    return ResponseTextDeltaEvent(
        type="response.output_text.delta",
        content_index=0,
        delta=text,
        item_id=_ID,
        logprobs=[],
        output_index=0,
        sequence_number=number,
    )


def ended(item: Any, used: ResponseUsage, number: int) -> Iterator[Any]:
    """Yield the last events of an answer; those of a call are all that it has."""
    if isinstance(item, ResponseFunctionToolCall):
        for event in _called(item, number):
            yield event
            number += 1
    yield ResponseCompletedEvent(
        type="response.completed", response=_response([item], used), sequence_number=number
    )


def usage(heard: Sequence[Heard | Said | Used], words: Sequence[str]) -> ResponseUsage:
    """Return how many words went in and came out, which here are the tokens."""
    texts = (entry.text for entry in heard if isinstance(entry, Heard))
    given, made = sum(len(text.split()) for text in texts), len(words)
    return ResponseUsage(
        input_tokens=given,
        output_tokens=made,
        total_tokens=given + made,
        input_tokens_details=InputTokensDetails(cached_tokens=0, cache_write_tokens=0),
        output_tokens_details=OutputTokensDetails(reasoning_tokens=0),
    )


def _called(item: ResponseFunctionToolCall, number: int) -> Iterator[Any]:
    begun = item.model_copy(update={"arguments": "", "status": "in_progress"})
    where: dict[str, Any] = {"item_id": item.id, "output_index": 0}
    base = "response.function_call_arguments"
    yield ResponseOutputItemAddedEvent(
        type="response.output_item.added", item=begun, output_index=0, sequence_number=number
    )
    yield ResponseFunctionCallArgumentsDeltaEvent(
        type=f"{base}.delta", delta=item.arguments, sequence_number=number + 1, **where
    )
    yield ResponseFunctionCallArgumentsDoneEvent(
        type=f"{base}.done",
        arguments=item.arguments,
        name=item.name,
        sequence_number=number + 2,
        **where,
    )
    yield ResponseOutputItemDoneEvent(
        type="response.output_item.done", item=item, output_index=0, sequence_number=number + 3
    )


def _response(output: list[Any], used: ResponseUsage | None) -> Response:
    return Response(
        id=_ID,
        created_at=0,
        model="demo",
        object="response",
        output=output,
        tool_choice="auto",
        tools=[],
        parallel_tool_calls=False,
        usage=used,
    )
