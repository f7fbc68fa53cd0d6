"""Turns the SDK's stream into our events, so that whatever opens also closes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from agents.items import HandoffOutputItem, ToolCallItem, ToolCallOutputItem
from agents.stream_events import (
    AgentUpdatedStreamEvent,
    RawResponsesStreamEvent,
    RunItemStreamEvent,
    StreamEvent,
)

from assistant.changes import Change
from assistant.engine.halves import mended, split_tail
from assistant.engine.jobs import Checkpoint, Sink
from assistant.engine.text import Text
from assistant.events import (
    AgentSwitched,
    MessageCompleted,
    MessageDelta,
    MessageStarted,
    ToolCalled,
    ToolReturned,
)
from assistant.metrics import work
from assistant.models import new_id, now

_TEXT = frozenset({"response.output_text.delta", "response.refusal.delta"})


class Narrator:
    """Tells one run to its sink; remembers only what is open and what was said.

    `shows_tools` says of a persona whether clients see what goes into its tools and comes out.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        speaker: str,
        outcomes: Mapping[str, str],
        shows_tools: Callable[[str], bool],
    ) -> None:
        self._sink = sink
        self._outcomes = outcomes
        self._shows_tools = shows_tools
        self._half = ""
        self._open: tuple[str, Text] | None = None
        self._item: str | None = None
        self._calls: dict[str, tuple[str, str, float]] = {}
        self._told: frozenset[str] = frozenset()
        self._heard = Change()
        self._outputs = 0
        self.speaker = speaker
        self.preface = ""
        self.said: list[str] = []
        self.first_text_at: datetime | None = None

    def go_on(self, checkpoint: Checkpoint, told: frozenset[str]) -> None:
        """Go on where a checkpoint was made; `told` are open calls whose return is known."""
        begun = time.monotonic()
        self._calls = {theirs: (*ours, begun) for theirs, ours in checkpoint.calls.items()}
        self._told = told
        self._outputs = outputs_in(checkpoint.added)
        self.said = list(checkpoint.said)
        self.speaker, self.preface = checkpoint.speaker, checkpoint.preface

    @property
    def open_calls(self) -> dict[str, tuple[str, str]]:
        """Tool calls that have not returned: the model's id to ours and the tool's name."""
        return {theirs: (ours, name) for theirs, (ours, name, _) in self._calls.items()}

    async def caught_up(self, outputs: int) -> None:
        """Wait until so many tool outputs were told: the runner is ahead of who listens to it."""
        while self._outputs < outputs:
            await self._heard.wait()

    @property
    def text(self) -> str:
        """All messages so far, the open one included, with a blank line between them."""
        tail = [str(self._open[1])] if self._open else []
        return "\n\n".join([*self.said, *tail])

    @property
    def tools_at_work(self) -> bool:
        """Whether a tool has been called that has not returned."""
        return bool(self._calls)

    def begin_with(self, words: str) -> None:
        """Put words before whatever is said next."""
        self.preface = f"{words}\n\n"

    def say(self, text: str, *, item: str | None = None) -> None:
        """Append text to the open message; another `item` than the last begins a new one."""
        if self._open is not None and item is not None and self._item not in {None, item}:
            self.close_message()
        if self._half or not text.isascii():
            text, self._half = split_tail(self._half + text)
        if not text:
            return
        # The preface waits for the first words, so that a model that fails leaves nothing said.
        text, self.preface = self.preface + text, ""
        if self._open is None:
            self.first_text_at = self.first_text_at or now()
            self._open = (new_id("msg"), Text())
            self._sink.emit(MessageStarted(self._open[0], len(self.said)))
        self._item = item
        self._open[1].add(text)
        self._sink.emit(MessageDelta(self._open[0], text))

    def close_message(self) -> None:
        """Complete the open message, if there is one."""
        if self._half:
            self._half = ""
            self.say("\ufffd")
        if self._open is None:
            return
        item_id, text = self._open[0], str(self._open[1])
        self._open = None
        self._item = None
        self.said.append(text)
        self._sink.emit(MessageCompleted(item_id, text))

    def close(self, ended: Mapping[str, str]) -> None:
        """Close whatever is open; called once more costs nothing.

        `ended` says how calls ended whose return nobody has heard, by the model's id.
        """
        self.close_message()
        for theirs, (call_id, name, begun) in self._calls.items():
            if call_id not in self._told:
                outcome = ended.get(theirs, "error")
                self._tell(ToolReturned(call_id, name, outcome, _since(begun)))
        self._calls.clear()

    def hear(self, event: StreamEvent) -> None:
        """Tell one event of the SDK, where it is one that clients see."""
        match event:
            case RawResponsesStreamEvent(data=data) if data.type in _TEXT:
                self.say(_field(data, "delta"), item=_field(data, "item_id"))
            case RunItemStreamEvent(item=ToolCallItem() as item):
                self._tool_called(item)
            case RunItemStreamEvent(item=ToolCallOutputItem() as item):
                self._tool_returned(item)
            case RunItemStreamEvent(item=HandoffOutputItem()):
                self.close_message()
                self._count_output()
            case AgentUpdatedStreamEvent(new_agent=agent) if agent.name != self.speaker:
                self.close_message()
                self._sink.emit(AgentSwitched(self.speaker, agent.name))
                self.speaker = agent.name
            case _:
                pass

    def _tool_called(self, item: ToolCallItem) -> None:
        self.close_message()
        raw = item.raw_item
        theirs, name = _field(raw, "call_id"), mended(_field(raw, "name"))
        ours = new_id("call")
        self._calls[theirs] = (ours, name, time.monotonic())
        shown = _arguments(_field(raw, "arguments")) if self._shows_tools(self.speaker) else None
        self._sink.emit(ToolCalled(ours, name, shown))

    def _tool_returned(self, item: ToolCallOutputItem) -> None:
        theirs = _field(item.raw_item, "call_id")
        ours, name, begun = self._calls.pop(theirs, (new_id("call"), "", time.monotonic()))
        if ours not in self._told:
            shown = mended(str(item.output)) if self._shows_tools(self.speaker) else None
            outcome = self._outcomes.get(theirs, "ok")
            self._tell(ToolReturned(ours, name, outcome, _since(begun), shown))
        self._count_output()

    def _tell(self, returned: ToolReturned) -> None:
        work.TOOL_CALLS.add(tool=returned.name, outcome=returned.outcome)
        self._sink.emit(returned)

    def _count_output(self) -> None:
        self._outputs += 1
        self._heard.tell()


def outputs_in(items: Sequence[dict[str, Any]]) -> int:
    """Return how many tool outputs there are, those of hand-overs included."""
    return sum(item.get("type") == "function_call_output" for item in items)


def sendable(items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return items without tool calls that have no result, which no model accepts."""
    answered = {i.get("call_id") for i in items if i.get("type") == "function_call_output"}
    called = {i.get("call_id") for i in items if i.get("type") == "function_call"}
    whole = answered & called
    return [
        item
        for item in items
        if item.get("type") not in {"function_call", "function_call_output"}
        or item.get("call_id") in whole
    ]


def _field(raw: Any, name: str) -> str:
    value = raw.get(name) if isinstance(raw, dict) else getattr(raw, name, None)
    return str(value or "")


def _arguments(raw: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(mended(raw), type=dict[str, Any])
    except msgspec.DecodeError:
        return {}


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)
