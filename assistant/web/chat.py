"""`POST /chat`: one request, three deliveries, two forms."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from assistant.errors import AssistantError, DrainingError, InvalidRequestError
from assistant.models import Run
from assistant.runs import Ask
from assistant.web import answers
from assistant.web.bodies import ChatBody, QuestionBody, read_object, validate
from assistant.web.keys import CORRELATION_ID, LIFE, OWNER, PARTS
from assistant.web.reading import idempotency, wants_json
from assistant.web.replies import AcceptedReply, ChatReply, usage_reply
from assistant.web.stream import counted, stream_run
from assistant.wire import question, sse


async def chat(request: web.Request) -> web.StreamResponse:
    """Accept a message or a question, and deliver its answer as the client wants it."""
    value = await read_object(request)
    one_off = "question" in value
    if one_off and "message" in value:
        detail = "Field 'message': cannot stand beside 'question'; send one of them"
        raise InvalidRequestError(detail)
    body = validate(QuestionBody, value) if one_off else validate(ChatBody, value)
    ask = _ask(request, body, value)
    run, _ = await request.app[PARTS].runs.start(ask)
    if body.background:
        accepted = AcceptedReply(
            message_id=run.message_id, session_id=run.session_id, run_id=run.run_id
        )
        return answers.json(accepted.model_dump(), status=202)
    as_stream = body.stream if body.stream is not None else not wants_json(request)
    if as_stream:
        return await stream_run(request, run, frame=question.frame if one_off else sse.frame)
    return await _whole(request, run)


def _ask(request: web.Request, body: ChatBody | QuestionBody, value: dict[str, Any]) -> Ask:
    common: dict[str, Any] = {
        "owner": request[OWNER],
        "correlation_id": request[CORRELATION_ID],
        "persona_type": body.persona_type,
        "user_id": body.user_id,
        "context": body.context,
        "model": body.model,
        "max_tokens": body.max_tokens,
        "use_cache": body.use_cache,
        "idempotency": idempotency(request, value),
    }
    if isinstance(body, QuestionBody):
        return Ask(text=body.question, one_off=True, **common)
    return Ask(
        text=body.message,
        session_id=body.session_id,
        history=[(turn.role, turn.content) for turn in body.history or ()],
        if_busy=body.if_busy,
        **common,
    )


async def _whole(request: web.Request, run: Run) -> web.Response:
    """Wait for the run's end and answer with all of it."""
    waiting = asyncio.ensure_future(request.app[PARTS].runs.wait(run))
    closing = asyncio.ensure_future(request.app[LIFE].closing.wait())
    with counted(request.app, "json"):
        try:
            await asyncio.wait({waiting, closing}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                detail = f"This server is shutting down; the answer goes on as /runs/{run.run_id}."
                raise DrainingError(detail, retry_after=2)
            ended = waiting.result()
        finally:
            for task in (waiting, closing):
                task.cancel()
            await asyncio.gather(waiting, closing, return_exceptions=True)
    if ended.status != "completed":
        raise await _failure(request, ended)
    reply = ChatReply(
        response=ended.text or "",
        session_id=ended.session_id,
        run_id=ended.run_id,
        message_id=ended.message_id,
        persona_type=ended.persona,
        usage=usage_reply(ended),
        correlation_id=ended.correlation_id,
    )
    return answers.json(reply.model_dump(), headers={"X-Run-ID": ended.run_id})


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
