"""Has the SDK's runner make the steps of one execution, as all of ours need it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from agents import Agent, RunConfig, RunErrorHandlerInput, RunErrorHandlerResult, Runner, RunState
from agents.models.interface import Model, ModelProvider
from agents.result import RunResultStreaming
from agents.run_config import CallModelData, ModelInputData, ToolErrorFormatterArgs
from typing_extensions import override

from assistant.engine import tracing
from assistant.engine.jobs import Job, RunContext, Voice
from assistant.engine.plain import Answer, Answered
from assistant.persona import Persona

State = RunState[RunContext, Agent[RunContext]]
"""How far a run is, as the runner knows it."""

ModelFor = Callable[[Job, Persona, Voice], Model]
"""Returns the model that answers a job for one of its personas."""

BeforeModel = Callable[[CallModelData[Any]], Awaitable[ModelInputData]]
"""Is called before each step, and returns what its model is given."""


class Running:
    """The runner for one execution: its models, its settings."""

    def __init__(
        self, job: Job, context: RunContext, model_for: ModelFor, voice: Voice, *, captures: bool
    ) -> None:
        self._job, self._context, self._captures = job, context, captures
        self.models = _Models(job, model_for, voice)

    def start(
        self, agent: Agent[RunContext], given: State | list[Any], before_model: BeforeModel
    ) -> RunResultStreaming:
        """Begin at a state, or with the conversation as items of the SDK."""
        return Runner.run_streamed(
            agent,
            given,
            context=self._context,
            max_turns=self._job.persona.file.max_steps,
            error_handlers={"model_refusal": _accept},
            run_config=RunConfig(
                **tracing.settings(told=self._captures),
                call_model_input_filter=before_model,
                model_provider=self.models,
                # A name that the model made up, or has no right to, is told to it like any error.
                tool_not_found_behavior="return_error_to_model",
                tool_error_formatter=_unknown,
            ),
        )

    async def restore(self, agent: Agent[RunContext], state: str) -> State:
        """Return the state that a checkpoint holds."""
        context = self._context
        return await RunState.from_string(agent, state, context_deserializer=lambda _: context)


class _Models(ModelProvider):
    """The models of one run, by the names of its personas.

    Attributes:
        answered: what the first step's model has answered, where it was asked before.
    """

    def __init__(self, job: Job, model_for: ModelFor, voice: Voice) -> None:
        self._job = job
        self._model_for = model_for
        self._voice = voice
        self.answered: Answer | None = None

    @override
    def get_model(self, model_name: str | None) -> Model:
        answered, self.answered = self.answered, None
        if answered is not None:
            return Answered(answered)
        return self._model_for(self._job, self._job.others[model_name or ""], self._voice)


def _unknown(failed: ToolErrorFormatterArgs[RunContext]) -> str | None:
    if failed.kind != "tool_not_found":
        return None
    failed.run_context.context.outcomes[failed.call_id] = "error"
    return "There is no such tool. Use those that you were given, or answer without."


def _accept(refused: RunErrorHandlerInput[Any]) -> RunErrorHandlerResult:
    """Take the model's refusal for its answer; it was told like one and stays in the history."""
    return RunErrorHandlerResult(str(refused.error), include_in_history=False)
