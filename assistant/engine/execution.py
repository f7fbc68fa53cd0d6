"""Makes one answer: persona and history through the SDK, told to a record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from agents import Agent
from agents.result import RunResultStreaming
from agents.run_config import CallModelData, ModelInputData

from assistant.engine import approvals, faults, plain, safety, tracing
from assistant.engine.agents import Agents
from assistant.engine.hearing import Hearing
from assistant.engine.jobs import Checkpoint, Job, Record, RunContext
from assistant.engine.narration import Narrator, outputs_in
from assistant.engine.running import ModelFor, Running, State
from assistant.engine.tools import Toolbox
from assistant.engine.transcript import Transcript
from assistant.errors import LeaseLostError, ModelError
from assistant.events import Usage
from assistant.models import Approval

log = structlog.get_logger(__name__)


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
        self._running = Running(job, self._context, model_for, self._hearing, captures=captures)
        self._result: RunResultStreaming | None = None
        self._whole = False
        self.checkpoint = job.checkpoint
        self.wanted: list[Approval] = []
        self.usage = Usage()
        self._failed = 0
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
            state = await self._begin(agent)
            if state is None and plain.suits(agent) and await self._answer_plainly(agent):
                return
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

    async def _begin(self, agent: Agent[RunContext]) -> State | None:
        """Return the state to go on from; None at the very beginning."""
        if self.checkpoint is not None:
            return await self._running.restore(agent, self.checkpoint.state)
        disclosure = self._job.persona.file.disclosure
        if disclosure and not self._job.disclosed:
            self._narrator.begin_with(disclosure)
        return None

    async def _answer_plainly(self, agent: Agent[RunContext]) -> bool:
        """Ask for words alone; return whether they are the answer."""
        model = self._running.models.get_model(agent.name)
        async with self._hearing.silence.bounded():
            answer = await plain.ask(
                agent, model, self._transcript.given, self._context, self._hearing.hear
            )
        if not answer.is_words:
            # What else a model may say to who gave it no tools, the runner knows how to take.
            self._running.models.answered = answer
            self._failed = answer.attempts - 1
            return False
        self._transcript.take(answer.items)
        self.usage = _used(answer)
        return True

    async def _asks_for_yes(self, state: State | None) -> bool:
        if state is not None:
            calls = self._narrator.open_calls
            self.wanted = await approvals.settle(state, self._context, self._toolbox, calls)
        return bool(self.wanted)

    async def _proceed(self, agent: Agent[RunContext], state: State | None) -> State | None:
        """Run until the answer is whole, or to the next call that asks before it is made."""
        given = self._transcript.given if state is None else state
        self._result = result = self._running.start(agent, given, self._before_model)
        self._transcript.follow(result)
        try:
            async with self._hearing.silence.bounded():
                async for event in result.stream_events():
                    await self._hearing.hear(event)
        finally:
            # Leaving the stream does not stop the runner, so it is told to.
            result.cancel()
            self.usage = _usage(result, self._failed)
            self._transcript.rest()
        return result.to_state() if result.interruptions else None

    async def _before_model(self, data: CallModelData[Any]) -> ModelInputData:
        """Make a checkpoint of the step that is complete: the runner waits for it."""
        done = outputs_in(self._transcript.added)
        kept = outputs_in(self.checkpoint.added) if self.checkpoint else 0
        if done > kept and self._result is not None:
            await self._narrator.caught_up(done)
            with self._hearing.silence.held():
                await self._keep(self._result.to_state(), begun=True)
        return data.model_data

    async def _keep(self, state: State, *, begun: bool = False) -> None:
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


def _usage(result: RunResultStreaming, failed: int) -> Usage:
    used = result.context_wrapper.usage
    requests = used.requests + failed
    return Usage(used.input_tokens, used.output_tokens, used.total_tokens, requests)


def _used(answer: plain.Answer) -> Usage:
    used = answer.event.response.usage
    if used is None:
        return Usage(requests=answer.attempts)
    return Usage(used.input_tokens, used.output_tokens, used.total_tokens, answer.attempts)
