"""Makes one answer: persona and history through the SDK's runner, told to a record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from agents import Agent, RunConfig, RunErrorHandlerInput, RunErrorHandlerResult, Runner, RunState
from agents.models.interface import Model, ModelProvider
from agents.result import RunResultStreaming
from agents.run_config import CallModelData, ModelInputData, ToolErrorFormatterArgs
from typing_extensions import override

from assistant.engine import approvals, faults, safety, tracing
from assistant.engine.agents import Agents
from assistant.engine.hearing import Hearing
from assistant.engine.jobs import Checkpoint, Job, Record, RunContext, Voice
from assistant.engine.narration import Narrator, outputs_in
from assistant.engine.tools import Toolbox
from assistant.engine.transcript import Transcript
from assistant.errors import LeaseLostError, ModelError
from assistant.events import Usage
from assistant.models import Approval
from assistant.persona import Persona

log = structlog.get_logger(__name__)

_State = RunState[RunContext, Agent[RunContext]]

ModelFor = Callable[[Job, Persona, Voice], Model]
"""Returns the model that answers a job for one of its personas."""


class Execution:
    """One attempt at a job, from its beginning or from a checkpoint.

    `run` returns when the answer is whole, or when it needs a human's yes: then `wanted` says for
    what, and `checkpoint` where to go on. However it ends, `settle` and `close` then end what is
    still open, and `text`, `usage` and `items` hold what there is.
    """

    def __init__(
        self,
        job: Job,
        record: Record,
        *,
        model_for: ModelFor,
        agents: Agents,
        captures: bool = False,
    ) -> None:
        self._job, self._captures = job, captures
        self._record = record
        self._agents = agents
        self._transcript = Transcript(job)
        self._toolbox = Toolbox(job, agents.tools, record, self._transcript.answered)
        self._context = RunContext(job, self._toolbox)
        self._narrator = Narrator(
            record,
            speaker=job.persona.slug,
            outcomes=self._context.outcomes,
            shows_tools=lambda slug: job.others[slug].file.show_tools,
        )
        self._hearing = Hearing(self._narrator, record, agents.limits.silence)
        self._models = _Models(job, model_for, self._hearing)
        self._result: RunResultStreaming | None = None
        self._whole = False
        self.checkpoint = job.checkpoint
        self.wanted: list[Approval] = []
        self.usage = Usage()
        if job.checkpoint is not None:
            self._narrator.go_on(job.checkpoint, job.told)

    @property
    def text(self) -> str:
        """What was said so far."""
        return self._narrator.text

    @property
    def first_text_at(self) -> datetime | None:
        """When the first text came, if any did."""
        return self._narrator.first_text_at

    @property
    def items(self) -> list[dict[str, Any]]:
        """What the next run's model is given of this one, without the user's message."""
        made = {theirs: effect.output for theirs, effect in self._toolbox.made.items()}
        return self._transcript.items(self.text, whole=self._whole, effects=made)

    @property
    def lasts(self) -> bool:
        """Whether the answer holds for a while: what a tool found out may change at any time."""
        return not self._transcript.has_calls

    async def settle(self) -> None:
        """Wait, within reason, for effects that are being made."""
        await self._toolbox.settle()

    def close(self) -> None:
        """Close whatever the run has open."""
        # Who stopped the run is told what it has changed all the same.
        made = self._toolbox.made.items()
        self._narrator.close({theirs: effect.outcome for theirs, effect in made})

    async def run(self) -> None:
        """Make the answer.

        Raises:
            ModelError: when the model could not answer.
            LeaseLostError: when another worker has taken the run over.
        """
        danger = None
        if self.checkpoint is None:
            danger = await safety.find_danger(self._job.persona, self._job.turn.text)
        if danger is not None:
            log.info("safety.flagged", category=danger.category, severity=danger.severity)
            self._record.emit(safety.flag(danger))
            self._narrator.say(danger.reply)
        else:
            with tracing.following(self._job, told=self._captures):
                await self._ask_model()
            if self.wanted:
                return
        self._narrator.close_message()
        if not self.text.strip():
            raise faults.nonsense()
        self._whole = danger is None

    async def _ask_model(self) -> None:
        agent = self._agents.of(self._job)
        try:
            state = await self._restored(agent)
            if state is None and self._job.persona.file.disclosure and not self._job.disclosed:
                self._narrator.begin_with(self._job.persona.file.disclosure)
            while not await self._asks_for_yes(state):
                state = await self._proceed(agent, state)
                if state is None:
                    return
                await self._keep(state)
        except (LeaseLostError, ModelError):
            raise
        except Exception as error:
            lost = faults.lease_lost(error)
            if lost is not None:
                raise lost from error
            fault = faults.explain(error)
            if fault is None:
                raise
            kind, place = type(error).__name__, faults.place_of(error)
            log.warning("model.failed", code=fault.code, error=kind, at=place)
            raise fault from error

    async def _restored(self, agent: Agent[RunContext]) -> _State | None:
        if self.checkpoint is None:
            return None
        return await RunState.from_string(
            agent, self.checkpoint.state, context_deserializer=lambda _: self._context
        )

    async def _asks_for_yes(self, state: _State | None) -> bool:
        if state is not None:
            calls = self._narrator.open_calls
            self.wanted = await approvals.settle(state, self._context, self._toolbox, calls)
        return bool(self.wanted)

    async def _proceed(self, agent: Agent[RunContext], state: _State | None) -> _State | None:
        """Run until the answer is whole, or to the next call that asks before it is made."""
        self._result = result = self._start(agent, state)
        self._transcript.follow(result)
        try:
            async with self._hearing.silence.bounded():
                async for event in result.stream_events():
                    await self._hearing.hear(event)
        finally:
            # Leaving the stream does not stop the runner, so it is told to.
            result.cancel()
            self.usage = _usage(result)
            self._transcript.rest()
        return result.to_state() if result.interruptions else None

    def _start(self, agent: Agent[RunContext], state: _State | None) -> RunResultStreaming:
        return Runner.run_streamed(
            agent,
            state if state is not None else self._transcript.given,
            context=self._context,
            max_turns=self._job.persona.file.max_steps,
            error_handlers={"model_refusal": _accept},
            run_config=RunConfig(
                **tracing.settings(told=self._captures),
                call_model_input_filter=self._before_model,
                model_provider=self._models,
                # A name that the model made up, or has no right to, is told to it like any error.
                tool_not_found_behavior="return_error_to_model",
                tool_error_formatter=_unknown,
            ),
        )

    async def _before_model(self, data: CallModelData[Any]) -> ModelInputData:
        """Make a checkpoint of the step that is complete: the runner waits for it."""
        done = outputs_in(self._transcript.added)
        kept = outputs_in(self.checkpoint.added) if self.checkpoint else 0
        if done > kept and self._result is not None:
            await self._narrator.caught_up(done)
            with self._hearing.silence.held():
                await self._keep(self._result.to_state(), begun=True)
        return data.model_data

    async def _keep(self, state: _State, *, begun: bool = False) -> None:
        narrator = self._narrator
        self.checkpoint = Checkpoint(
            state=approvals.as_text(state, step_begun=begun),
            added=self._transcript.added,
            said=list(narrator.said),
            calls=narrator.open_calls,
            speaker=narrator.speaker,
            preface=narrator.preface,
        )
        await self._record.keep(self.checkpoint)


class _Models(ModelProvider):
    """The models of one run, by the names of its personas."""

    def __init__(self, job: Job, model_for: ModelFor, voice: Voice) -> None:
        self._job = job
        self._model_for = model_for
        self._voice = voice

    @override
    def get_model(self, model_name: str | None) -> Model:
        return self._model_for(self._job, self._job.others[model_name or ""], self._voice)


def _unknown(failed: ToolErrorFormatterArgs[RunContext]) -> str | None:
    if failed.kind != "tool_not_found":
        return None
    failed.run_context.context.outcomes[failed.call_id] = "error"
    return "There is no such tool. Use those that you were given, or answer without."


def _accept(refused: RunErrorHandlerInput[Any]) -> RunErrorHandlerResult:
    """Take the model's refusal for its answer; it was told like one and stays in the history."""
    return RunErrorHandlerResult(str(refused.error), include_in_history=False)


def _usage(result: RunResultStreaming) -> Usage:
    used = result.context_wrapper.usage
    return Usage(used.input_tokens, used.output_tokens, used.total_tokens, used.requests)
