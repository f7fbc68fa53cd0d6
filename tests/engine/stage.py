"""One execution on a scripted model, played to a list, and the rules that its events must keep."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from agents import set_trace_processors
from agents.testing import ModelCall, ModelStep, ScriptedModel, assistant_message
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseOutputMessage,
    ResponseOutputRefusal,
    ResponseTextDeltaEvent,
    ResponseUsage,
)
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from assistant.engine import Checkpoint, Effect, Execution, Job, Limits
from assistant.engine.agents import Agents
from assistant.engine.tools import BUILT_IN
from assistant.events import (
    Event,
    MessageCompleted,
    MessageDelta,
    MessageStarted,
    ToolCalled,
    ToolReturned,
    type_of,
)
from assistant.models import Principal, Turn
from assistant.persona import Persona
from assistant.personas import load_personas
from assistant.tool import Tools
from tests.conftest import DATA
from tests.engine.talks import TOOLS

# As the engine does when it opens: the SDK's own exporter would talk to OpenAI.
set_trace_processors([])
PERSONAS = load_personas(DATA / "agents")


@dataclass
class Stage:
    """A record that keeps what it is told, and can make the run wait or fail at an event.

    Attributes:
        checkpoints: those that were kept, each with the number of the last event it covers.
        ledger: what is written down of each effectful call.
        halt_at: how many events there may be before `room` waits for ever.
        error: what `room` raises then instead of waiting.
        slow: how many seconds `keep` takes.
        crowded: how many seconds `room` takes.
    """

    events: list[Event] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    ledger: dict[str, Effect] = field(default_factory=dict)
    halt_at: int | None = None
    error: Exception | None = None
    slow: float = 0
    crowded: float = 0
    halted: asyncio.Event = field(default_factory=asyncio.Event)

    def emit(self, event: Event) -> None:
        self.events.append(event)

    @property
    def is_full(self) -> bool:
        return True

    async def room(self) -> None:
        await asyncio.sleep(self.crowded)
        if self.halt_at is not None and len(self.events) >= self.halt_at:
            self.halted.set()
            if self.error is not None:
                raise self.error
            await asyncio.Event().wait()

    async def keep(self, checkpoint: Checkpoint) -> None:
        await asyncio.sleep(self.slow)
        covered = msgspec.structs.replace(checkpoint, sequence=len(self.events) - 1)
        # As it comes back from the store.
        self.checkpoints.append(msgspec.json.decode(msgspec.json.encode(covered), type=Checkpoint))

    async def intend(self, key: str, name: str) -> Effect | None:
        earlier = self.ledger.get(key)
        self.ledger.setdefault(key, Effect(name, "intent"))
        return earlier

    async def conclude(self, key: str, effect: Effect) -> None:
        self.ledger[key] = effect

    @property
    def types(self) -> list[str]:
        """The events' names."""
        return [type_of(event) for event in self.events]

    @property
    def text(self) -> str:
        """What was said, with the blank lines that clients put between messages."""
        started = [e for e in self.events if isinstance(e, MessageStarted)]
        said = {message.item_id: "" for message in started}
        for event in self.events:
            if isinstance(event, MessageDelta):
                said[event.item_id] += event.text
        return "\n\n".join(said.values())


def said(deltas: Sequence[str]) -> Iterator[ResponseTextDeltaEvent]:
    """Return the events of a model that says text in these pieces."""
    for number, text in enumerate(deltas):
        yield ResponseTextDeltaEvent(
            type="response.output_text.delta",
            content_index=0,
            delta=text,
            item_id="theirs",
            logprobs=[],
            output_index=0,
            sequence_number=number,
        )


def refused(text: str) -> ResponseOutputMessage:
    """Return the message of a model that says no."""
    return ResponseOutputMessage(
        id="m",
        type="message",
        role="assistant",
        status="completed",
        content=[ResponseOutputRefusal(type="refusal", refusal=text)],
    )


def spoken(*deltas: str, error: Exception | None = None) -> ModelStep:
    """Return a step that says text in these pieces; with an error, it then fails."""

    async def stream(_call: ModelCall) -> AsyncIterator[Any]:
        for event in said(deltas):
            yield event
        if error is not None:
            raise error
        whole = Response(
            id="theirs",
            created_at=0,
            model="scripted",
            object="response",
            output=[assistant_message("".join(deltas))],
            tool_choice="auto",
            tools=[],
            parallel_tool_calls=True,
            usage=ResponseUsage(
                input_tokens=1,
                output_tokens=len(deltas),
                total_tokens=1 + len(deltas),
                input_tokens_details=InputTokensDetails(cached_tokens=0, cache_write_tokens=0),
                output_tokens_details=OutputTokensDetails(reasoning_tokens=0),
            ),
        )
        yield ResponseCompletedEvent(
            type="response.completed", response=whole, sequence_number=len(deltas)
        )

    return ModelStep.stream(stream)


def play(
    stage: Stage,
    model: ScriptedModel,
    text: str = "hi",
    *,
    persona: str | Persona = "tester",
    silence: float = 5,
    retries: int = 0,
    tools: Tools | None = None,
    **job: Any,
) -> Execution:
    """Return an execution of a message to a persona."""
    found = PERSONAS[persona] if isinstance(persona, str) else persona
    usual: dict[str, Any] = {
        "run_id": "run_1",
        "correlation_id": "cor_1",
        "principal": Principal("owner"),
        "persona": found,
        "turn": Turn(text),
        "model": "scripted",
        "others": {**PERSONAS, found.slug: found},
    }
    return Execution(
        Job(**usual | job),
        stage,
        model_for=lambda _job, _persona, _voice: model,
        agents=Agents(
            {**BUILT_IN, **TOOLS, **(tools or {})}, Limits(silence=silence, retries=retries)
        ),
    )


async def run_to_halt(stage: Stage, execution: Execution) -> None:
    """Run until the stage halts it, then cancel; whatever happens, close as the worker does."""
    task = asyncio.create_task(execution.run())
    halted = asyncio.create_task(stage.halted.wait())
    await asyncio.wait({task, halted}, return_when=asyncio.FIRST_COMPLETED)
    for one in (task, halted):
        one.cancel()
    await asyncio.gather(task, halted, return_exceptions=True)
    await execution.settle()
    execution.close()


def check_rules(events: list[Event]) -> None:
    """Check that everything is opened once, closed once, and by an id of ours."""
    open_message, said, calls, index = "", "", {}, 0
    for event in events:
        match event:
            case MessageStarted(item_id=item_id):
                assert (open_message, event.index) == ("", index)
                assert item_id.startswith("msg_")
                open_message, said, index = item_id, "", index + 1
            case MessageDelta(item_id=item_id, text=text):
                assert item_id == open_message
                assert text
                said += text
            case MessageCompleted(item_id=item_id, text=text):
                assert (item_id, text) == (open_message, said)
                open_message = ""
            case ToolCalled(call_id=call_id, name=name):
                assert call_id.startswith("call_")
                assert call_id not in calls
                assert not open_message
                calls[call_id] = name
            case ToolReturned(call_id=call_id, name=name):
                assert calls.pop(call_id) == name
                assert event.duration_ms >= 0
            case _:
                assert not open_message
    assert (open_message, calls) == ("", {})
