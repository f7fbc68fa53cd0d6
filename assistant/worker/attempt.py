"""One attempt at a run: from the claim to the terminal event."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

import structlog

from assistant.engine import Engine, Execution, Job
from assistant.errors import LeaseLostError, ModelError, NotFoundError, StoreUnavailableError
from assistant.events import (
    Event,
    MessageDiscarded,
    MessageStarted,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunStarted,
    Terminal,
    ToolCalled,
    ToolReturned,
)
from assistant.models import Message, MessageStatus, Run, now
from assistant.persona import Persona
from assistant.personas import Catalog
from assistant.store import Ending, HistoryLine, Pen, Store, status_of
from assistant.worker.pulse import Pulse

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 5
_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(eq=False, slots=True)
class Stop:
    """A request to end a run early, and who made it."""

    by: str = ""
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def ask(self, by: str) -> None:
        """Make the request; the first one counts."""
        if not self.asked.is_set():
            self.by = by
            self.asked.set()


class Attempts:
    """Makes attempts at runs with one engine on one store."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        personas: Catalog,
        *,
        deadline: timedelta,
        cache_for: timedelta,
    ) -> None:
        self._store = store
        self._engine = engine
        self._personas = personas
        self._deadline = deadline.total_seconds()
        self._cache_for = cache_for
        self.pulse = Pulse()

    async def make(self, run: Run, stop: Stop) -> None:
        """Claim a run, execute it and write its end; nothing happens where it is not ours.

        Raises:
            LeaseLostError: when another worker took it over meanwhile.
        """
        claim = await patiently(self._store.runs.claim, run)
        if claim is None:
            return
        attempt, last, cancelled_by = claim
        if cancelled_by:
            stop.ask(cancelled_by)
        pen = self._store.log.open_pen(run, next_sequence=last + 1)
        try:
            if attempt > 1:
                await self._begin_again(pen, attempt)
            log.info("run.started", attempt=attempt, persona=run.persona, model=run.model)
            terminal, execution = await self._answer(pen, attempt, stop)
            await pen.drain()
            await patiently(self._finish, pen, terminal, execution)
        finally:
            self._store.log.close_pen(pen)

    async def _begin_again(self, pen: Pen, attempt: int) -> None:
        """Make void what a crashed attempt said, close its tools, and announce the new one."""
        left: dict[str, Event] = {}
        after = -1
        while entries := await patiently(self._store.log.read, pen.run.run_id, after):
            after = entries[-1].sequence
            for entry in entries:
                match entry.event:
                    case MessageStarted(item_id=item_id):
                        left[item_id] = MessageDiscarded(item_id)
                    case ToolCalled(call_id=call_id, name=name):
                        left[call_id] = ToolReturned(call_id, name, "error", 0)
                    case MessageDiscarded(item_id=closed) | ToolReturned(call_id=closed):
                        left.pop(closed, None)
                    case _:
                        pass
        for event in left.values():
            pen.emit(event)
        run = pen.run
        pen.emit(RunStarted(run.persona, run.version, run.model, attempt))
        log.warning("run.taken_over", attempt=attempt, closed=len(left))

    async def _answer(
        self, pen: Pen, attempt: int, stop: Stop
    ) -> tuple[Terminal, Execution | None]:
        if stop.asked.is_set():
            return RunCancelled(stop.by), None
        if attempt > MAX_ATTEMPTS:
            text = "The answer was begun several times and never finished. Please ask again."
            return RunFailed("too_many_attempts", text, retryable=True), None
        try:
            execution = self._engine.prepare(await patiently(self._job, pen.run), pen)
        except NotFoundError as error:
            return RunFailed("persona_gone", error.detail, retryable=False), None
        work = asyncio.create_task(execution.run(), name=f"answer {pen.run.run_id}")
        halt = asyncio.create_task(stop.asked.wait(), name=f"stop {pen.run.run_id}")
        try:
            await asyncio.wait(
                {work, halt}, timeout=self._deadline, return_when=asyncio.FIRST_COMPLETED
            )
            terminal = await self._outcome(work, stop, execution)
        finally:
            for task in (work, halt):
                task.cancel()
            await asyncio.gather(work, halt, return_exceptions=True)
        execution.close()
        return terminal, execution

    async def _outcome(
        self, work: asyncio.Task[None], stop: Stop, execution: Execution
    ) -> Terminal:
        if not work.done():
            if stop.asked.is_set():
                return RunCancelled(stop.by)
            text = "The answer took longer than allowed and was stopped."
            return RunFailed("deadline_exceeded", text, retryable=True)
        try:
            await work
        except LeaseLostError:
            raise
        except ModelError as error:
            return RunFailed(error.code, error.detail, retryable=error.retryable)
        except Exception:
            log.exception("run.crashed")
            text = "Something went wrong on our side. Please try again."
            return RunFailed("internal", text, retryable=True)
        return RunCompleted(execution.text, execution.usage)

    async def _finish(self, pen: Pen, terminal: Terminal, execution: Execution | None) -> None:
        run, status = pen.run, status_of(terminal)
        text = execution.text if execution else ""
        ending = Ending(
            ended_at=now(),
            usage=execution.usage if execution else None,
            text=text or None,
            error=terminal.code if isinstance(terminal, RunFailed) else None,
        )
        session = None
        if run.session_id is not None:
            session = await self._store.sessions.find(run.session_id)
        await self._store.runs.finish(
            pen,
            terminal,
            ending,
            lines=_lines(run, execution, status) if run.session_id else (),
            session=self._store.sessions.touch(session) if session else None,
            share_for=self._cache_for if status == "completed" else timedelta(0),
        )
        first = execution.first_text_at if execution else None
        begun = run.created_at
        self.pulse.note(
            (first - begun).total_seconds() if first else None,
            (ending.ended_at - begun).total_seconds(),
        )
        log.info(
            "run.ended",
            status=status,
            seconds=round((ending.ended_at - begun).total_seconds(), 3),
            error=ending.error,
            output_tokens=ending.usage.output_tokens if ending.usage else 0,
        )

    async def _job(self, run: Run) -> Job:
        persona = self._personas.get(run.persona, run.version)
        earlier: Sequence[HistoryLine] = ()
        if run.session_id is not None:
            lines = await self._store.sessions.lines(run.session_id)
            mine = [i for i, line in enumerate(lines) if line.message.run_id == run.run_id]
            earlier = lines[: mine[0]] if mine else lines
        return Job(
            run_id=run.run_id,
            correlation_id=run.correlation_id,
            persona=persona,
            turn=run.turn,
            model=run.model,
            history=_remembered(earlier, persona),
            disclosed=_disclosed(earlier, persona),
            others={other.slug: other for other in self._personas} | {persona.slug: persona},
        )


async def patiently(act: Callable[_P, Awaitable[_T]], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Do a step of a run that goes on, waiting for as long as the store is away."""
    delay = 0.1
    while True:
        try:
            return await act(*args, **kwargs)
        except StoreUnavailableError:
            await asyncio.sleep(delay)
            delay = min(delay * 2, 2.0)


def _lines(run: Run, execution: Execution | None, status: MessageStatus) -> list[HistoryLine]:
    if execution is None or not execution.text:
        return []
    message = Message(run.message_id, "assistant", execution.text, now(), run.run_id, status)
    return [HistoryLine(message, execution.items)]


def _disclosed(lines: Sequence[HistoryLine], persona: Persona) -> bool:
    words = persona.file.disclosure
    answers = (line.message for line in lines if line.message.role == "assistant")
    return words is None or any(words in message.content for message in answers)


def _remembered(lines: Sequence[HistoryLine], persona: Persona) -> list[dict[str, Any]]:
    """Return the items of the latest turns, as many as the persona remembers."""
    asked = [i for i, line in enumerate(lines) if line.message.role == "user"]
    keep = persona.file.memory_turns
    if keep == 0:
        return []
    start = asked[-keep] if len(asked) > keep else 0
    return [item for line in lines[start:] for item in line.items]
