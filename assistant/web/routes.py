"""The table of all routes: what each is for, what it takes and what it answers."""

from __future__ import annotations

from aiohttp.typedefs import Handler
from pydantic import BaseModel

from assistant.web import about, runs, sessions
from assistant.web.bodies import ChatBody, QuestionBody, SessionBody
from assistant.web.chat import chat
from assistant.web.openapi import Parameter, Reply, Route
from assistant.web.replies import (
    AcceptedReply,
    ChatReply,
    DoneReply,
    HealthReply,
    HistoryReply,
    PersonaReply,
    PersonasReply,
    RunReply,
    ServiceReply,
    SessionReply,
    SessionsReply,
    StateReply,
    StatsReply,
)
from assistant.web.socket import websocket

_FRAMES = Reply("One frame for each entry of the run's log.", None, media="text/event-stream")
_NOTHING = Reply("There is nothing to follow.", None)
_AFTER = Parameter(
    {"type": "integer", "minimum": -1, "maximum": 999_999_999_999_999},
    "Only entries after this number; -1 for all.",
)
_LAST_EVENT_ID = Parameter(
    {"type": "string", "pattern": r"^(-1|[0-9]{1,15})?$"},
    "The last number seen; wins over `after`.",
)
_IDEMPOTENCY = Parameter(
    {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"},
    "A retry with the same key and body is answered by the first run.",
)
_PAGE = {
    "after": Parameter({"type": "string"}, "The `next` of the page before."),
    "limit": Parameter({"type": "integer", "minimum": 1, "maximum": 100}, "Rows on a page; 20."),
}


def _get(
    path: str,
    handler: Handler,
    summary: str,
    reply: type[BaseModel],
    *,
    tag: str,
    errors: tuple[int, ...] = (),
) -> Route:
    """Return a route that answers a GET with one JSON body."""
    return Route(
        method="GET",
        path=path,
        handler=handler,
        name=handler.__name__,
        summary=summary,
        tag=tag,
        replies={200: Reply(f"{summary}.", reply)},
        errors=errors,
    )


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/chat",
        handler=chat,
        name="chat",
        summary="Send a message, or ask a one-off question",
        tag="Chat",
        body=(ChatBody, QuestionBody),
        headers={"Idempotency-Key": _IDEMPOTENCY},
        replies={
            200: Reply(
                "The answer: frames as they come, or whole as JSON.", ChatReply, streams=True
            ),
            202: Reply("Accepted; the answer is made in the background.", AcceptedReply),
        },
        errors=(400, 404, 408, 409, 413, 415, 503),
    ),
    _get(
        "/runs/{run_id}",
        runs.get_run,
        "Look at a run",
        RunReply,
        tag="Runs",
        errors=(404, 503),
    ),
    Route(
        method="GET",
        path="/runs/{run_id}/events",
        handler=runs.follow_run,
        name="follow_run",
        summary="Follow a run from any number",
        tag="Runs",
        query={"after": _AFTER},
        headers={"Last-Event-ID": _LAST_EVENT_ID},
        replies={200: _FRAMES, 204: _NOTHING},
        errors=(400, 404, 503),
    ),
    Route(
        method="POST",
        path="/runs/{run_id}/cancel",
        handler=runs.cancel_run,
        name="cancel_run",
        summary="Stop a run; what was written stays",
        tag="Runs",
        replies={200: Reply("The run.", RunReply)},
        errors=(404, 503),
    ),
    Route(
        method="POST",
        path="/sessions",
        handler=sessions.create_session,
        name="create_session",
        summary="Begin a session",
        tag="Sessions",
        body=(SessionBody,),
        replies={201: Reply("The session.", SessionReply)},
        errors=(400, 404, 408, 413, 415, 503),
    ),
    Route(
        method="GET",
        path="/sessions",
        handler=sessions.list_sessions,
        name="list_sessions",
        summary="List one's own sessions, newest first",
        tag="Sessions",
        query=_PAGE,
        replies={200: Reply("A page of sessions.", SessionsReply)},
        errors=(400, 503),
    ),
    _get(
        "/sessions/{session_id}",
        sessions.get_session,
        "Look at a session",
        SessionReply,
        tag="Sessions",
        errors=(400, 404, 503),
    ),
    Route(
        method="DELETE",
        path="/sessions/{session_id}",
        handler=sessions.delete_session,
        name="delete_session",
        summary="Delete a session with its history, runs and logs",
        tag="Sessions",
        replies={200: Reply("It is deleted.", DoneReply)},
        errors=(400, 404, 503),
    ),
    Route(
        method="GET",
        path="/sessions/{session_id}/messages",
        handler=sessions.get_history,
        name="get_messages",
        summary="Read a session's history",
        tag="Sessions",
        replies={200: Reply("The history.", HistoryReply)},
        errors=(400, 404, 503),
    ),
    Route(
        method="GET",
        path="/sessions/{session_id}/stream",
        handler=sessions.follow_session,
        name="follow_session",
        summary="Follow whatever run is live in a session, from its first entry",
        tag="Sessions",
        replies={200: _FRAMES, 204: _NOTHING},
        errors=(400, 404, 503),
    ),
    _get(
        "/history/{session_id}",
        sessions.get_history,
        "Read a session's history",
        HistoryReply,
        tag="Sessions",
        errors=(400, 404, 503),
    ),
    Route(
        method="DELETE",
        path="/history/{session_id}",
        handler=sessions.clear_history,
        name="clear_history",
        summary="Delete a session's history; the session stays",
        tag="Sessions",
        replies={200: Reply("It is deleted.", DoneReply)},
        errors=(400, 404, 503),
    ),
    Route(
        method="GET",
        path="/ws/{session_id}",
        handler=websocket,
        name="websocket",
        summary="Hold a conversation over a WebSocket",
        tag="WebSocket",
        replies={101: Reply("The connection is a WebSocket now.", None)},
        errors=(400, 403, 404, 426, 503),
    ),
    _get("/personas", about.list_personas, "List the personas", PersonasReply, tag="Personas"),
    _get(
        "/personas/{name}",
        about.get_persona,
        "Look at a persona",
        PersonaReply,
        tag="Personas",
        errors=(404,),
    ),
    Route(
        method="GET",
        path="/",
        handler=about.root,
        name="root",
        summary="What this service is; a browser is sent to its page",
        tag="Service",
        replies={
            200: Reply("The service.", ServiceReply),
            303: Reply("The web page.", None),
        },
    ),
    _get("/health", about.health, "How the server is", HealthReply, tag="Service"),
    _get("/health/live", about.live, "Whether the process runs", StateReply, tag="Service"),
    _get(
        "/health/ready",
        about.ready,
        "Whether new work is welcome",
        StateReply,
        tag="Service",
        errors=(503,),
    ),
    _get("/stats", about.stats, "Counts and latencies", StatsReply, tag="Service", errors=(503,)),
)
