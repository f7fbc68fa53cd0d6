"""`/sessions` and `/history`: begin, look at, follow and delete conversations."""

from __future__ import annotations

from aiohttp import web

from assistant.web import answers
from assistant.web.bodies import SessionBody, read_object, validate
from assistant.web.keys import PARTS, PRINCIPAL
from assistant.web.reading import limit, session_id
from assistant.web.replies import DoneReply, SessionsReply, history_reply, session_reply
from assistant.web.stream import stream_run


async def create_session(request: web.Request) -> web.Response:
    """Begin a session."""
    body = validate(SessionBody, await read_object(request))
    session = await request.app[PARTS].runs.sessions.create(
        request[PRINCIPAL].name,
        persona_type=body.persona_type,
        context=body.context,
        user_id=body.user_id,
    )
    return answers.json(session_reply(session).model_dump(), status=201)


async def list_sessions(request: web.Request) -> web.Response:
    """List one's own sessions, newest first."""
    found, following = await request.app[PARTS].runs.sessions.page(
        request[PRINCIPAL].name,
        after=request.query.get("after"),
        limit=limit(request, usual=20, most=100),
    )
    shown = [session_reply(session) for session in found]
    reply = SessionsReply(sessions=shown, count=len(shown), next=following)
    return answers.json(reply.model_dump())


async def get_session(request: web.Request) -> web.Response:
    """Tell a session."""
    session = await request.app[PARTS].runs.sessions.get(_id(request), request[PRINCIPAL].name)
    return answers.json(session_reply(session).model_dump())


async def delete_session(request: web.Request) -> web.Response:
    """Delete a session with its history, runs and logs."""
    await request.app[PARTS].runs.delete_session(_id(request), request[PRINCIPAL].name)
    reply = DoneReply(message="The session and all that belongs to it is deleted.")
    return answers.json(reply.model_dump())


async def get_history(request: web.Request) -> web.Response:
    """Tell a session's history, also after the session has ended."""
    messages = await request.app[PARTS].runs.sessions.history(_id(request), request[PRINCIPAL].name)
    return answers.json(history_reply(_id(request), messages).model_dump())


async def clear_history(request: web.Request) -> web.Response:
    """Delete a session's history; the session stays."""
    await request.app[PARTS].runs.clear_history(_id(request), request[PRINCIPAL].name)
    return answers.json(DoneReply(message="The history is deleted.").model_dump())


async def follow_session(request: web.Request) -> web.StreamResponse:
    """Stream the run that is live in a session, from its first entry; 204 when none is."""
    run = await request.app[PARTS].runs.live(_id(request), request[PRINCIPAL].name)
    return web.Response(status=204) if run is None else await stream_run(request, run)


def _id(request: web.Request) -> str:
    return session_id(request)
