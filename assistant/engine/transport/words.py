"""Chat Completions for words alone: nothing of the SDK's is made but the answer."""

from __future__ import annotations

import time
from itertools import chain
from typing import Any, Literal, TypeVar, cast

import msgspec
from agents import ModelSettings
from agents.models.chatcmpl_stream_handler import ChatCmplStreamHandler
from agents.models.fake_id import FAKE_RESPONSES_ID
from openai.types import CompletionUsage
from openai.types.responses import (
    Response,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
)
from pydantic import BaseModel
from typing_extensions import override

from assistant import tracing
from assistant.engine import calls
from assistant.engine.transport.chat import NO_TEXT, ChatStream, Delta, valid
from assistant.engine.transport.reply import Reply
from assistant.engine.transport.stream import DONE
from assistant.engine.transport.telling import Telling

_Kind = TypeVar("_Kind", bound=BaseModel)


def unchecked(kind: type[_Kind], **fields: Any) -> _Kind:
    """Make one of openai's models, unchecked.

    Its own way does so with a look at each type, and what checks them is built at the first use:
    some tens of milliseconds, either.
    """
    return cast("_Kind", BaseModel.model_construct.__func__(kind, **fields))  # type: ignore[attr-defined]


BEGUN = unchecked(
    ResponseTextDeltaEvent,
    type="response.output_text.delta",
    item_id=FAKE_RESPONSES_ID,
    delta="",
    content_index=0,
    output_index=0,
    logprobs=[],
    sequence_number=0,
)
"""Says that text was told: who has seen it never asks for the answer again."""

MORE = object()
"""Says that what comes is more than words."""


class _Choice(msgspec.Struct, frozen=True, gc=False):
    index: Literal[0]
    delta: Delta
    finish_reason: Literal["stop"]
    logprobs: None = None


class _Last(msgspec.Struct, frozen=True):
    """A chunk that says how words end, or how many tokens they took."""

    choices: tuple[_Choice, ...] = ()
    id: str | None = None
    usage: dict[str, Any] | None = None
    error: None = None


_LAST = msgspec.json.Decoder(_Last)

# A copy takes a few microseconds.
_SAID = unchecked(ResponseOutputText, annotations=[], text="", type="output_text", logprobs=[])
_MESSAGE = unchecked(
    ResponseOutputMessage,
    id=FAKE_RESPONSES_ID,
    content=[],
    role="assistant",
    status="completed",
    type="message",
)
NO_ANSWER = unchecked(
    Response,
    id=FAKE_RESPONSES_ID,
    created_at=0,
    model="",
    object="response",
    output=[],
    tool_choice="auto",
    tools=[],
    parallel_tool_calls=False,
)


class WordStream(ChatStream):
    """An answer that is told as it comes, and made into chunks only where it is more than words.

    It gives `BEGUN` after its first text, and `MORE` before what is more than words; from there on,
    all of it as chunks for the SDK. Where it ends without, it was words, and in order.
    """

    def __init__(self, reply: Reply, telling: Telling) -> None:
        super().__init__(reply, telling)
        telling.direct = True
        self._said = self._has_begun = self._at_more = self._is_more = False
        self._ends: list[bytes] = []
        self._usage: CompletionUsage | None = None

    def answer(self, model: str, settings: ModelSettings) -> Response:
        """Return the answer as the SDK makes it of such chunks."""
        answerer = {"model": model} | ({"response_id": self._id} if self._id else {})
        said = _SAID.model_copy(update={"text": str(self._told)})
        message = _MESSAGE.model_copy(update={"content": [said], "provider_data": answerer})
        return NO_ANSWER.model_copy(
            update={
                "created_at": time.time(),
                "model": model,
                "output": [message],
                "temperature": settings.temperature,
                "top_p": settings.top_p,
                "reasoning": settings.reasoning,
                "usage": ChatCmplStreamHandler._build_response_usage(self._usage),  # noqa: SLF001 - its own
            }
        )

    @override
    def _next(self) -> Any:
        if self._is_more:
            return super()._next()
        if not self._at_more:
            self._read_words()
        if self._said and not self._has_begun:
            self._has_begun = True
            return BEGUN
        self._is_more = self._at_more
        return MORE if self._is_more else None

    def _read_words(self) -> None:
        """Tell what is words, up to what is not."""
        other = self._tell()
        while other is not None and self._is_end(other):
            other = self._tell()
        if other is not None or (self._ended and not self._ends):
            # The SDK judges an answer by how it ends, too.
            self._due = chain(self._ends, () if other is None else (other,), self._due)
            self._at_more = True

    def _is_end(self, data: bytes) -> bool:
        """Take a chunk that ends words, if it is one; without words before it is none."""
        if data.startswith(DONE):
            self._parsed(data)
            return True
        if not self._said:
            return False
        try:
            last = _LAST.decode(data)
            if last.usage is not None:
                self._usage = CompletionUsage.model_validate(last.usage, strict=True)
        except (*NO_TEXT, ValueError):
            return False
        if not (last.choices or self._ends) or any(c.delta.content for c in last.choices):
            return False
        self._ends.append(data)
        self._id = (last.id if last.choices else None) or self._id
        if last.choices and tracing.is_on():
            if (chunk := valid(data)) is not None:
                calls.tell_chunk(chunk)
            calls.tell_finish("stop")
        return True

    @override
    def _note(self, text: str) -> None:
        super()._note(text)
        self._said = self._said or bool(text)
