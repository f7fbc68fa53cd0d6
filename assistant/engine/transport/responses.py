"""Responses: events of which nearly all are text, and many tell nothing that the last does not."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
from openai._models import BaseModel, construct_type
from openai.types.responses import ResponseStreamEvent
from pydantic import ValidationError
from typing_extensions import override

from assistant.engine.transport.reply import Reply
from assistant.engine.transport.stream import Stream
from assistant.engine.transport.telling import TEXT, Telling

# They come before anything of the answer, and tell nothing that does not come again.
_BEFORE = frozenset(
    {
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    }
)
# What the runner acts on, and what is told of an answer. The others come again with the items.
_HEARD = frozenset(
    {
        TEXT,
        "response.refusal.delta",
        "response.output_item.done",
        "response.completed",
        "response.incomplete",
        "response.failed",
        "response.error",
    }
)
_LAST = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})
_OURS = "response."


class _Head(msgspec.Struct, frozen=True, gc=False):
    """What tells a text from other events."""

    type: str
    delta: str = ""
    item_id: str = ""
    error: None = None


_HEAD = msgspec.json.Decoder(_Head)
_NO_HEAD = (msgspec.MsgspecError, UnicodeDecodeError)


class ResponsesStream(Stream):
    """The events of one answer; the text that was told is in the last of them once more."""

    def __init__(self, reply: Reply, telling: Telling) -> None:
        super().__init__(reply, telling)
        self._opened = self._begun = False

    @property
    def _heeds_all(self) -> bool:
        return self._telling.voice is None

    @override
    def _next(self) -> Any:
        other = next(self._due, None) if self._heeds_all else self._tell()
        read = self._parsed(other) if other is not None else None
        if read is None:
            return None
        if isinstance(read, dict) and read.get("type") in _LAST:
            self._reply.finish()
        return _built(read)

    def _tell(self) -> bytes | None:
        """Tell text up to the next event that the SDK must see, and return that."""
        direct, telling, said, item = self._telling.direct, self._telling, list[str](), ""
        other = None
        for data in self._due:
            try:
                head = _HEAD.decode(data)
            except _NO_HEAD:
                other = data
                break
            if direct and head.type == TEXT:
                if said and head.item_id != item:
                    telling.say("".join(said), item)
                    said.clear()
                item = head.item_id
                said.append(head.delta)
            elif self._matters(head.type):
                other = data
                break
        if said:
            telling.say("".join(said), item)
        telling.alive()
        return other

    def _matters(self, kind: str) -> bool:
        """Return whether the SDK must see an event; the first of all and of the answer it must."""
        opens, self._opened = not self._opened, True
        if kind in _BEFORE:
            return opens
        begins, self._begun = not self._begun, True
        return begins or kind in _HEARD or not kind.startswith(_OURS)


def _kinds() -> dict[str, type[BaseModel]]:
    """Return the SDK's kinds of events by what they are called on the wire."""
    union = get_args(ResponseStreamEvent)[0]
    return {kind.model_fields["type"].annotation.__args__[0]: kind for kind in get_args(union)}


_KINDS = _kinds()


def _built(read: Any) -> Any:
    """Return what was read as the openai client makes an event of it.

    It tries one kind after the other; to go by the name gives the same at a tenth of the cost.
    """
    name = read.get("type") if isinstance(read, dict) else None
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        return construct_type(type_=ResponseStreamEvent, value=read)
    try:
        return kind.model_validate(read)
    except ValidationError:
        return kind.construct(**read)
