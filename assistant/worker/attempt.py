"""One attempt at a run: from the claim to its end, or to where a human has to say yes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import structlog

from assistant import tracing
from assistant.engine import Checkpoint, Engine, Execution
from assistant.errors import LeaseLostError, ModelError, NotFoundError
from assistant.events import RunCancelled, RunCompleted, RunFailed, RunStarted, Terminal
from assistant.metrics import work as measured
from assistant.models import Approval, Message, MessageStatus, Run, now
from assistant.personas import Catalog
from assistant.store import Claim, Ending, HistoryLine, Pen, Store, status_of
from assistant.worker import spans
from assistant.worker.briefing import Briefing
from assistant.worker.pulse import Pulse
from assistant.worker.record import RunRecord, checkpoint_of, patiently
from assistant.worker.stop import Stop
from assistant.worker.takeover import left_behind

log = structlog.get_logger(__name__)

MAX_CRASHES = 4


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
        self._briefing = Briefing(store, personas)
        self._deadline = deadline.total_seconds()
        self._cache_for = cache_for
        self.pulse = Pulse()

    async def make(self, claim: Claim, stop: Stop) -> bool:
        """Execute a claimed run up to its end, or until it has to wait for a decision.

        Returns whether a run was queued then that could begin.

        Raises:
            LeaseLostError: when another worker took it over meanwhile.
        """
        if claim.cancelled_by:
            stop.ask(claim.cancelled_by)
        pen, queued = self._store.log.open_pen(claim), False
        try:
            terminal, execution = await self._answer(claim, pen, stop)
            if terminal is not None:
                queued = await patiently(self._finish, pen, terminal, execution)
            elif execution is not None and execution.checkpoint is not None:
                await self._wait_for_yes(pen, execution.checkpoint, execution.wanted)
            spans.conclude(terminal)
        finally:
            self._store.log.close_pen(pen)
        return queued

    async def _announce(
        self, claim: Claim, pen: Pen, checkpoint: Checkpoint | None, stop: Stop
    ) -> frozenset[str]:
        """Make void what a crashed attempt said, close its tools, and announce the new one.

        Returns the calls whose return is in the log.
        """
        if claim.attempt == 1 and not claim.resumed:
            measured.QUEUE_WAIT.record((now() - claim.run.created_at).total_seconds())
            return frozenset()
        good = checkpoint.sequence if checkpoint else -1
        left = await left_behind(self._store, claim.run.run_id, good)
        for event in left.closing:
            pen.emit(event)
        if not claim.resumed and not stop.is_asked:
            run, said = claim.run, "\n\n".join(checkpoint.said) if checkpoint else ""
            pen.emit(RunStarted(run.persona, run.version, run.model, claim.attempt, said))
            measured.TAKEOVERS.add()
            log.warning("run.taken_over", attempt=claim.attempt, closed=len(left.closing))
        return left.told

    async def _answer(
        self, claim: Claim, pen: Pen, stop: Stop
    ) -> tuple[Terminal | None, Execution | None]:
        """Return how the run ended (None: it has to wait for a decision) and what it made."""
        try:
            checkpoint = checkpoint_of(claim)
        except msgspec.MsgspecError as error:
            # Beginning anew would make its effects again, under other ids.
            log.error("checkpoint.unreadable", error=type(error).__name__)  # noqa: TRY400
            await self._announce(claim, pen, None, stop)
            return _broken(), None
        if checkpoint is not None:
            spans.go_on(checkpoint)
        told = await self._announce(claim, pen, checkpoint, stop)
        log.info("run.started", attempt=claim.attempt, persona=claim.run.persona)
        if stop.is_asked and checkpoint is None:
            return RunCancelled(stop.by), None
        try:
            job = await patiently(self._briefing.job, claim, checkpoint, told)
        except NotFoundError as error:
            return RunFailed("persona_gone", error.detail, retryable=False), None
        spans.answer(job)
        execution = self._engine.prepare(job, RunRecord(self._store, claim, pen))
        terminal = _refused(claim, stop) or await self._execute(execution, stop)
        if terminal is not None:
            execution.close()
        return terminal, execution

    async def _execute(self, execution: Execution, stop: Stop) -> Terminal | None:
        try:
            if await stop.allow(execution.run, self._deadline):
                done = RunCompleted(execution.text, execution.usage)
                return None if execution.wanted else done
        except LeaseLostError:
            raise
        except ModelError as error:
            return RunFailed(error.code, error.detail, retryable=error.retryable)
        except Exception:
            log.exception("run.crashed")
            return _broken()
        finally:
            await execution.settle()
        if stop.is_asked:
            return RunCancelled(stop.by)
        text = "The answer took longer than allowed and was stopped."
        return RunFailed("deadline_exceeded", text, retryable=True)

    async def _wait_for_yes(
        self, pen: Pen, checkpoint: Checkpoint, wanted: Sequence[Approval]
    ) -> None:
        await pen.drain()
        covered = msgspec.structs.replace(
            checkpoint, sequence=pen.next_sequence - 1, trace=tracing.carrier()
        )
        raw = msgspec.json.encode(covered)
        # The session does not end for idleness while it waits for its user.
        longest = max(approval.expires_at for approval in wanted) - now()
        ends = self._store.sessions.end(longest) if pen.run.session_id else None
        await patiently(self._store.approvals.request, pen, raw, wanted, ends)
        for approval in wanted:
            measured.APPROVALS_REQUESTED.add(by=approval.by.partition(":")[0])
        log.info("run.waiting", approvals=len(wanted))

    async def _finish(self, pen: Pen, terminal: Terminal, execution: Execution | None) -> bool:
        run, status = pen.run, status_of(terminal)
        text = execution.text if execution else ""
        ending = Ending(
            ended_at=now(),
            usage=execution.usage if execution else None,
            text=text or None,
            error=terminal.code if isinstance(terminal, RunFailed) else None,
        )
        lasts = status == "completed" and execution is not None and execution.lasts
        queued = await self._store.runs.finish(
            pen,
            terminal,
            ending,
            lines=_lines(run, execution, status) if run.session_id else (),
            session_ends=self._store.sessions.end() if run.session_id else None,
            share_for=self._cache_for if lasts else timedelta(0),
        )
        self._note(run, ending, status, execution)
        return queued

    def _note(
        self, run: Run, ending: Ending, status: MessageStatus, execution: Execution | None
    ) -> None:
        first = execution.first_text_at if execution else None
        begun = run.created_at
        waited = (first - begun).total_seconds() if first else None
        seconds = (ending.ended_at - begun).total_seconds()
        self.pulse.note(waited, seconds)
        persona = run.persona
        measured.RUNS.add(persona=persona, outcome=status, error=ending.error)
        measured.RUN_DURATION.record(seconds, persona=persona, outcome=status)
        if waited is not None:
            measured.FIRST_TOKEN.record(waited, persona=persona)
        log.info(
            "run.ended",
            status=status,
            seconds=round(seconds, 3),
            error=ending.error,
            output_tokens=ending.usage.output_tokens if ending.usage else 0,
        )


def _refused(claim: Claim, stop: Stop) -> Terminal | None:
    """Return how a run ends that is not executed; None for one that is."""
    if stop.is_asked:
        return RunCancelled(stop.by)
    if claim.crashes > MAX_CRASHES:
        text = "The answer was begun several times and never finished. Please ask again."
        return RunFailed("too_many_attempts", text, retryable=True)
    return None


def _broken() -> RunFailed:
    text = "Something went wrong on our side. Please try again."
    return RunFailed("internal", text, retryable=True)


def _lines(run: Run, execution: Execution | None, status: MessageStatus) -> list[HistoryLine]:
    items = execution.items if execution else []
    if execution is None or not (execution.text or items):
        return []
    message = Message(run.message_id, "assistant", execution.text, now(), run.run_id, status)
    return [HistoryLine(message, items)]
