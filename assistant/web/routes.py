"""The table of all routes: what each is for, what it takes and what it answers."""

from __future__ import annotations

from assistant.web import about, sessions
from assistant.web.bodies import SessionBody
from assistant.web.metrics import metrics_route
from assistant.web.replies import (
    DoneReply,
    HealthReply,
    HistoryReply,
    PersonaReply,
    PersonasReply,
    ServiceReply,
    SessionReply,
    SessionsReply,
    StateReply,
    StatsReply,
)
from assistant.web.routing import FRAMES, NOTHING, Access, Parameter, Reply, Route, get
from assistant.web.run_routes import RUN_ROUTES
from assistant.web.socket import websocket

_PAGE = {
    "after": Parameter({"type": "string"}, "The `next` of the page before."),
    "limit": Parameter({"type": "integer", "minimum": 1, "maximum": 100}, "Rows on a page; 20."),
}

HEALTH: tuple[Route, ...] = (
    get(
        "/health", about.health, "How the server is", HealthReply, access=Access.OPEN, tag="Service"
    ),
    get(
        "/health/live",
        about.live,
        "Whether the process runs",
        StateReply,
        access=Access.OPEN,
        tag="Service",
    ),
    get(
        "/health/ready",
        about.ready,
        "Whether new work is welcome",
        StateReply,
        access=Access.OPEN,
        tag="Service",
        errors=(503,),
    ),
)

WORKER_ROUTES: tuple[Route, ...] = (*HEALTH, metrics_route(Access.OPEN))

ROUTES: tuple[Route, ...] = (
    *RUN_ROUTES,
    Route(
        method="POST",
        path="/sessions",
        handler=sessions.create_session,
        access=Access.ANY,
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
        access=Access.ANY,
        name="list_sessions",
        summary="List one's own sessions, newest first",
        tag="Sessions",
        query=_PAGE,
        replies={200: Reply("A page of sessions.", SessionsReply)},
        errors=(400, 503),
    ),
    get(
        "/sessions/{session_id}",
        sessions.get_session,
        "Look at a session",
        SessionReply,
        access=Access.OWN,
        tag="Sessions",
        errors=(400, 404, 503),
    ),
    Route(
        method="DELETE",
        path="/sessions/{session_id}",
        handler=sessions.delete_session,
        access=Access.OWN,
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
        access=Access.OWN,
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
        access=Access.OWN,
        name="follow_session",
        summary="Follow whatever run is live in a session, from its first entry",
        tag="Sessions",
        replies={200: FRAMES, 204: NOTHING},
        errors=(400, 404, 503),
    ),
    get(
        "/history/{session_id}",
        sessions.get_history,
        "Read a session's history",
        HistoryReply,
        access=Access.OWN,
        tag="Sessions",
        errors=(400, 404, 503),
    ),
    Route(
        method="DELETE",
        path="/history/{session_id}",
        handler=sessions.clear_history,
        access=Access.OWN,
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
        access=Access.OWN_OR_NEW,
        name="websocket",
        summary="Hold a conversation over a WebSocket",
        tag="WebSocket",
        replies={101: Reply("The connection is a WebSocket now.", None)},
        errors=(400, 403, 404, 426, 503),
    ),
    get(
        "/personas",
        about.list_personas,
        "List the personas",
        PersonasReply,
        access=Access.ANY,
        tag="Personas",
    ),
    get(
        "/personas/{name}",
        about.get_persona,
        "Look at a persona",
        PersonaReply,
        access=Access.ANY,
        tag="Personas",
        errors=(404,),
    ),
    Route(
        method="GET",
        path="/",
        handler=about.root,
        access=Access.OPEN,
        name="root",
        summary="What this service is; a browser is sent to its page",
        tag="Service",
        replies={
            200: Reply("The service.", ServiceReply),
            303: Reply("The web page.", None),
        },
    ),
    *HEALTH,
    get(
        "/stats",
        about.stats,
        "Counts and latencies",
        StatsReply,
        access=Access.OPERATOR,
        tag="Service",
        errors=(503,),
    ),
    metrics_route(Access.OPERATOR),
)
