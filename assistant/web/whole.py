"""The JSON delivery: an answer whole, or what it waits for where that may take hours."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from assistant.errors import AssistantError, DrainingError
from assistant.events import ApprovalRequested, ApprovalResolved, Entry
from assistant.models import Approval, Run
from assistant.runs import RunService
from assistant.store import Cursor
from assistant.web import answers
from assistant.web.closing import Closing
from assistant.web.keys import LIFE, PARTS, PRINCIPAL
from assistant.web.run_replies import ChatReply, WaitingReply, approval_replies, usage_reply
from assistant.web.stream import counted


async def answer_whole(request: web.Request, run: Run) -> web.Response:
    """Wait for the run's end and answer with all of it; with 202 when a human must decide first."""
    runs, closing = request.app[PARTS].runs, request.app[LIFE].closing
    with counted(request.app, "json"):
        async with runs.open_cursor(run) as cursor:
            with closing.ringing(cursor.ring):
                waiting = await _waited(runs, run, cursor, closing)
        ended = run if waiting else await runs.get(run.run_id, run.owner)
    if waiting:
        return _waiting(request, ended, waiting)
    if ended.status != "completed":
        raise await _failure(request, ended)
    return _completed(ended)


async def _waited(runs: RunService, run: Run, cursor: Cursor, closing: Closing) -> list[Approval]:
    """Return when the run has ended, or with the approvals for which it waits."""
    undecided: set[str] = set()
    while not cursor.ended:
        entries = await cursor.take()
        undecided = _still_undecided(undecided, entries)
        # A batch can end between a request and its decision, so the log alone does not tell.
        if entries and undecided and not cursor.ended:
            found = await runs.approvals.of(run)
            if waiting := [each for each in found if each.decision is None]:
                return waiting
        if not entries and not cursor.ended:
            if closing.is_set():
                detail = f"This server is shutting down; the answer goes on as /runs/{run.run_id}."
                raise DrainingError(detail, retry_after=2)
            await cursor.wait()
    return []


def _still_undecided(before: set[str], batch: Sequence[Entry]) -> set[str]:
    undecided = set(before)
    for entry in batch:
        match entry.event:
            case ApprovalRequested(call_id=call_id):
                undecided.add(call_id)
            case ApprovalResolved(call_id=call_id):
                undecided.discard(call_id)
            case _:
                pass
    return undecided


def _waiting(request: web.Request, run: Run, approvals: Sequence[Approval]) -> web.Response:
    reply = WaitingReply(
        message_id=run.message_id,
        session_id=run.session_id,
        run_id=run.run_id,
        approvals=approval_replies(approvals, request[PRINCIPAL]),
    )
    return answers.json(reply.model_dump(), status=202, headers={"X-Run-ID": run.run_id})


def _completed(run: Run) -> web.Response:
    reply = ChatReply(
        response=run.text or "",
        session_id=run.session_id,
        run_id=run.run_id,
        message_id=run.message_id,
        persona_type=run.persona,
        usage=usage_reply(run),
        correlation_id=run.correlation_id,
    )
    return answers.json(reply.model_dump(), headers={"X-Run-ID": run.run_id})


async def _failure(request: web.Request, run: Run) -> AssistantError:
    """Return what to answer for a run that has no answer."""
    last = await request.app[PARTS].store.log.last(run.run_id)
    message = getattr(last.event, "message", "") if last else ""
    return _UnansweredError.of(run, message)


class _UnansweredError(AssistantError):
    title = "No answer"

    @classmethod
    def of(cls, run: Run, message: str) -> _UnansweredError:
        """Return the error for a run that was stopped or failed."""
        if run.status == "cancelled":
            error = cls("The answer was stopped before it was whole.")
            error.code, error.title = "cancelled", "Cancelled"
            return error
        error = cls(f"{message} (code: {run.error})", retry_after=5)
        error.code = "internal" if run.error == "internal" else "model_failed"
        return error
