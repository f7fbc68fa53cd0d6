"""Makes one answer: persona and history through the SDK's runner, told to a sink."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from agents import Agent, RunConfig, RunErrorHandlerInput, RunErrorHandlerResult, Runner
from agents.memory.session_settings import SessionSettings
from agents.models.interface import Model
from agents.result import RunResultStreaming

from assistant.engine import faults, safety
from assistant.engine.agents import build_agent
from assistant.engine.halves import mended_item
from assistant.engine.jobs import Job, Limits, RunContext, Sink
from assistant.engine.narration import Narrator, sendable
from assistant.engine.tools import Tools, format_failure
from assistant.errors import LeaseLostError, ModelError
from assistant.events import Usage
from assistant.persona import Persona

log = structlog.get_logger(__name__)


class Transcript:
    """The SDK's session for one run: gives the history, keeps what the run adds.

    Nothing is stored from here: what was added becomes history together with the run's terminal
    event, so that history never holds half a run.
    """

    session_settings: SessionSettings | None = None

    def __init__(self, job: Job) -> None:
        self.session_id = job.run_id
        self._history = list(job.history)
        self.added: list[dict[str, Any]] = []

    async def get_items(self, limit: int | None = None) -> list[Any]:
        """Return the history, or its last `limit` items."""
        items = [*self._history, *self.added]
        return items if limit is None else items[-limit:] if limit else []

    async def add_items(self, items: list[Any]) -> None:
        """Keep what the runner adds."""
        self.added.extend(mended_item(items))

    async def pop_item(self) -> Any:
        """Take back the newest item that was added."""
        return self.added.pop() if self.added else None

    async def clear_session(self) -> None:
        """Take back all that was added."""
        self.added.clear()


class Execution:
    """One attempt at a job.

    `run` returns when the answer is whole. However it ends, `close` then closes what is still
    open, and `text`, `usage` and `items` hold what there is.
    """

    def __init__(
        self,
        job: Job,
        sink: Sink,
        *,
        model_for: Callable[[Job, Persona], Model],
        tools: Tools,
        limits: Limits,
    ) -> None:
        self._job = job
        self._sink = sink
        self._limits = limits
        self._model_for = model_for
        self._tools = tools
        self._context = RunContext(
            job.run_id, job.correlation_id, job.turn.user_id, job.turn.context
        )
        self._transcript = Transcript(job)
        self._narrator = Narrator(
            sink,
            speaker=job.persona.slug,
            failed_calls=self._context.failed_calls,
            shows_tools=lambda slug: job.others[slug].file.show_tools,
        )
        self._whole = False
        self.usage = Usage()

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
        added = [i for i in self._transcript.added if i.get("role") != "user"]
        if self._whole and added:
            return sendable(added)
        # By its id, a provider would miss the reasoning that stood before a call.
        steps = [
            {name: value for name, value in item.items() if name != "id"}
            for item in added
            if item.get("type") in {"function_call", "function_call_output"}
        ]
        said = [{"role": "assistant", "content": self.text}] if self.text else []
        return sendable(steps) + said

    def close(self) -> None:
        """Close whatever the run has open."""
        self._narrator.close()

    async def run(self) -> None:
        """Make the answer.

        Raises:
            ModelError: when the model could not answer.
            LeaseLostError: when another worker has taken the run over.
        """
        danger = await safety.find_danger(self._job.persona, self._job.turn.text)
        if danger is not None:
            log.info("safety.flagged", category=danger.category, severity=danger.severity)
            self._sink.emit(safety.flag(danger))
            self._narrator.say(danger.reply)
        else:
            await self._ask_model()
        self._narrator.close_message()
        if not self.text.strip():
            raise faults.nonsense()
        self._whole = danger is None

    async def _ask_model(self) -> None:
        agent = build_agent(self._job, self._model_for, self._tools, self._limits)
        if self._job.persona.file.disclosure and not self._job.disclosed:
            self._narrator.begin_with(self._job.persona.file.disclosure)
        result = self._start(agent)
        try:
            await self._listen(result)
        except (LeaseLostError, ModelError):
            raise
        except Exception as error:
            fault = faults.explain(error)
            if fault is None:
                raise
            log.warning("model.failed", code=fault.code, error=type(error).__name__)
            raise fault from error
        finally:
            # Leaving the stream does not stop the runner, so it is told to.
            result.cancel()
            self.usage = _usage(result)

    def _start(self, agent: Agent[RunContext]) -> RunResultStreaming:
        return Runner.run_streamed(
            agent,
            [{"role": "user", "content": self._job.turn.text}],
            context=self._context,
            session=self._transcript,
            max_turns=self._job.persona.file.max_steps,
            error_handlers={"model_refusal": _accept},
            run_config=RunConfig(tracing_disabled=True, tool_error_formatter=format_failure),
        )

    async def _listen(self, result: RunResultStreaming) -> None:
        loop, silence = asyncio.get_running_loop(), self._limits.silence
        clock = asyncio.timeout(silence)
        try:
            async with clock:
                async for event in result.stream_events():
                    self._narrator.hear(event)
                    # Waiting for the store or for a tool is no silence of the model's.
                    clock.reschedule(None)
                    await self._sink.room()
                    if not self._narrator.tools_at_work:
                        clock.reschedule(loop.time() + silence)
        except TimeoutError:
            if clock.expired():
                raise faults.silent() from None
            raise


def _accept(refused: RunErrorHandlerInput[Any]) -> RunErrorHandlerResult:
    """Take the model's refusal for its answer; it was told like one and stays in the history."""
    return RunErrorHandlerResult(str(refused.error), include_in_history=False)


def _usage(result: RunResultStreaming) -> Usage:
    used = result.context_wrapper.usage
    return Usage(used.input_tokens, used.output_tokens, used.total_tokens, used.requests)
