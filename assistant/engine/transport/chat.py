"""Chat Completions: chunks of which nearly all are nothing but text."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from agents.models.fake_id import FAKE_RESPONSES_ID
from openai.types.chat import ChatCompletionChunk
from pydantic_core import from_json
from typing_extensions import override

from assistant.engine.text import Text
from assistant.engine.transport.reply import Reply
from assistant.engine.transport.stream import Stream
from assistant.engine.transport.telling import Telling

_Nothing = Literal[""] | None
_NoItems = tuple[()] | None


class Delta(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What comes with text where there is nothing but text; more than that is not for us."""

    content: str | None = None
    role: str | None = None
    refusal: _Nothing = None
    reasoning: _Nothing = None
    reasoning_content: _Nothing = None
    reasoning_details: _NoItems = None
    thinking_blocks: _NoItems = None
    annotations: _NoItems = None
    audio: None = None
    function_call: None = None
    tool_calls: _NoItems = None


class _Choice(msgspec.Struct, frozen=True, gc=False):
    index: Literal[0]
    delta: Delta
    finish_reason: None = None
    logprobs: None = None


class _Text(msgspec.Struct, frozen=True, gc=False):
    """A chunk that is nothing but text; fields that the SDK does not look at may be any."""

    choices: tuple[_Choice]
    id: str | None = None
    usage: None = None
    error: None = None


_TEXT = msgspec.json.Decoder(_Text)
_BARE = {"object": "chat.completion.chunk", "created": 0, "model": ""}
NO_TEXT = (msgspec.MsgspecError, UnicodeDecodeError)


class ChatStream(Stream):
    """The chunks of one answer.

    Text that was told directly reaches the SDK as one chunk, before the next chunk that is more
    than text: so the items that it makes are whole.
    """

    def __init__(self, reply: Reply, telling: Telling) -> None:
        super().__init__(reply, telling)
        self._told: Text | None = None
        self._is_ahead = False
        self._id = ""
        self._kept: bytes | None = None

    @override
    def _next(self) -> Any:
        if self._kept is None:
            self._kept = self._tell() if self._telling.direct else next(self._due, None)
        if self._is_ahead and (self._kept is not None or self._ended):
            return self._retold()
        if self._kept is None:
            return None
        data, self._kept = self._kept, None
        if (chunk := valid(data)) is not None:
            return chunk
        read = self._parsed(data)
        return _built(read) if read is not None else None

    def _tell(self) -> bytes | None:
        """Tell text up to the first chunk that is more than text, and return that."""
        said: list[str] = []
        other = None
        for data in self._due:
            try:
                chunk = _TEXT.decode(data)
            except NO_TEXT:
                other = data
                break
            text = chunk.choices[0].delta.content
            if text is not None:
                said.append(text)
            self._id, self._is_ahead = chunk.id or self._id, True
        if said:
            self._note("".join(said))
        return other

    def _note(self, text: str) -> None:
        if self._told is None:
            self._told = Text()
        self._told.add(text)
        if text:
            self._telling.say(text, FAKE_RESPONSES_ID)

    def _retold(self) -> ChatCompletionChunk:
        """Return all that was told since the last chunk as one of its own."""
        # No content is not the same as none of it: that ends what was thought before.
        delta = {"content": str(self._told)} if self._told is not None else {}
        self._told, self._is_ahead = None, False
        self._telling.repeats = True
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        return ChatCompletionChunk.model_validate(_BARE | {"id": self._id, "choices": [choice]})


def _built(read: Any) -> Any:
    """Return what was read as the openai client makes a chunk of it, unchecked."""
    return ChatCompletionChunk.construct(**read) if isinstance(read, dict) else read


def valid(data: bytes) -> ChatCompletionChunk | None:
    """Return a chunk that is as the API has it, which is made at a tenth of the cost; else None."""
    try:
        # In one step pydantic would keep all strings, an id of each answer's, 16,384 of them.
        read = from_json(data, cache_strings="keys")
        chunk = ChatCompletionChunk.model_validate(read, strict=True)
    except ValueError:
        return None
    return None if (chunk.model_extra or {}).get("error") else chunk
