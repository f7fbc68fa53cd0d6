"""Asks a model for words alone: the one step of a run that needs nothing of the SDK's runner."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from agents import Agent, ModelSettings, RunContextWrapper, SpanError, agent_span
from agents.items import ModelResponse
from agents.models.interface import Model, ModelTracing
from agents.run_internal.items import (
    deduplicate_input_items_preferring_latest,
    prepare_model_input_items,
)
from agents.run_internal.model_retry import stream_response_with_retry
from agents.stream_events import RawResponsesStreamEvent
from agents.usage import Usage
from openai.types.responses import ResponseCompletedEvent
from typing_extensions import override

from assistant import tracing
from assistant.engine import faults
from assistant.engine.jobs import RunContext
from assistant.engine.transport import DirectChatModel, are_said

Hear = Callable[[RawResponsesStreamEvent], Awaitable[None]]


def suits(agent: Agent[RunContext]) -> bool:
    """Return whether an agent has nothing to answer with but words.

    For these the runner is most of what a short run costs besides its model: it is made for tools,
    hand-overs, guardrails and sessions, and looks for each of them in every step.
    """
    return not (agent.tools or agent.handoffs)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model has answered.

    Attributes:
        event: the one that completed it.
        attempts: how often the model was asked.
    """

    event: ResponseCompletedEvent
    attempts: int

    @property
    def is_words(self) -> bool:
        """Whether it is all there is to say; else it is the runner's to go on from it."""
        output = self.event.response.output
        messages = [item for item in output if item.type == "message"]
        thoughts = sum(item.type == "reasoning" for item in output)
        return (
            len(messages) > 0
            and len(messages) + thoughts == len(output)
            and all(part.type == "output_text" for item in messages for part in item.content)
        )

    @property
    def items(self) -> list[Any]:
        """What the next step's model would be given of it."""
        output = self.event.response.output
        return [*ModelResponse(output, Usage(), None).to_input_items()]


async def ask(
    agent: Agent[RunContext], model: Model, given: Sequence[Any], context: RunContext, hear: Hear
) -> Answer:
    """Ask an agent's model as the runner would, with its retries, and return the answer.

    Given is the conversation, as items of the SDK; `hear` is told each of the model's events before
    the next one is asked for.

    Raises:
        Exception: why there is no answer, as the model tells it.
    """
    instructions = await agent.get_system_prompt(RunContextWrapper(context))
    call = partial(_asked, model, instructions, _prepared(given), agent.model_settings)
    failed = [0]
    ended: ResponseCompletedEvent | None = None
    done: list[Any] = []
    with _at_work(agent.name):
        async with aclosing(_events(agent.model_settings, model, call, failed)) as events:
            async for event in events:
                if event.type == "response.output_item.done":
                    done.append(event.item)
                elif event.type == "response.completed":
                    ended = event
                await hear(RawResponsesStreamEvent(data=event))
        if ended is None:
            raise faults.nonsense()
    # Some servers say what there is only piece by piece.
    ended.response.output = ended.response.output or done
    return Answer(ended, failed[0] + 1)


def _events(
    settings: ModelSettings, model: Model, call: Callable[..., Any], failed: list[int]
) -> AsyncGenerator[Any]:
    """Return the events of a call, with retries, which are counted in `failed`."""
    return stream_response_with_retry(
        get_stream=call,
        rewind=_nothing_to_rewind,
        retry_settings=settings.retry,
        get_retry_advice=model.get_retry_advice,
        previous_response_id=None,
        conversation_id=None,
        timeout=settings.timeout,
        failed_retry_attempts_out=failed,
    )


def _asked(
    model: Model, instructions: str | None, given: list[Any], settings: ModelSettings
) -> AsyncIterator[Any]:
    """Return the events of one try: with no tools, no schema, no hand-overs."""
    if isinstance(model, DirectChatModel):
        return model.in_words(instructions, given, settings)
    # Our own spans know more of a call.
    return model.stream_response(
        instructions,
        given,
        settings,
        [],
        None,
        [],
        ModelTracing.DISABLED,
        previous_response_id=None,
        conversation_id=None,
        prompt=None,
    )


class Answered(Model):
    """Stands for a model in the one step that it has answered already."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    @override
    async def get_response(self, *args: Any, **kwargs: Any) -> ModelResponse:
        raise NotImplementedError

    @override
    async def stream_response(self, *args: Any, **kwargs: Any) -> Any:
        """Yield the end of the answer, whose words were heard."""
        yield self._answer.event


@contextmanager
def _at_work(name: str) -> Iterator[None]:
    """Have the SDK's traces tell of an agent that works within, as its runner would.

    Where the runner goes on from the answer, it tells of the agent once more.
    """
    if not tracing.is_on():
        yield
        return
    with agent_span(name) as span:
        try:
            yield
        except Exception as error:
            span.set_error(SpanError(message=type(error).__name__, data=None))
            raise


def _prepared(given: Sequence[Any]) -> list[Any]:
    """Return items as the runner gives them to a model."""
    if are_said(given):
        return [*given]
    return deduplicate_input_items_preferring_latest(prepare_model_input_items(given))


async def _nothing_to_rewind() -> None:
    """Do nothing: the provider keeps no conversation."""
