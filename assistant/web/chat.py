"""`POST /chat`: one request, three deliveries, two forms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from aiohttp import web

from assistant.errors import InvalidRequestError
from assistant.runs import Ask
from assistant.web import answers
from assistant.web.bodies import ChatBody, QuestionBody, read_object, validate
from assistant.web.keys import CORRELATION_ID, PARTS, PRINCIPAL
from assistant.web.reading import idempotency, wants_json
from assistant.web.run_replies import AcceptedReply
from assistant.web.stream import stream_run
from assistant.web.whole import answer_whole
from assistant.wire import question, sse


async def chat(request: web.Request) -> web.StreamResponse:
    """Accept a message or a question, and deliver its answer as the client wants it."""
    # What was asked is let go before the answer, which may take minutes.
    deliver = await _accept(request)
    return await deliver()


async def _accept(request: web.Request) -> Callable[[], Awaitable[web.StreamResponse]]:
    """Accept what is asked, and return how its answer is delivered."""
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
        return partial(_say, answers.json(accepted.model_dump(), status=202))
    as_stream = body.stream if body.stream is not None else not wants_json(request)
    if as_stream:
        frame = question.frame if one_off else sse.frame
        return partial(stream_run, request, run, frame=frame)
    return partial(answer_whole, request, run)


async def _say(answer: web.StreamResponse) -> web.StreamResponse:
    return answer


def _ask(request: web.Request, body: ChatBody | QuestionBody, value: dict[str, Any]) -> Ask:
    common: dict[str, Any] = {
        "principal": request[PRINCIPAL],
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
