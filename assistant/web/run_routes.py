"""The rows of the route table that make, show and decide runs."""

from __future__ import annotations

from assistant.web import approvals, runs
from assistant.web.bodies import ApprovalBody, ChatBody, QuestionBody
from assistant.web.chat import chat
from assistant.web.routing import FRAMES, NOTHING, Access, Parameter, Reply, Route, get
from assistant.web.run_replies import (
    ApprovalReply,
    ApprovalsReply,
    ChatReply,
    RunReply,
    UnfinishedReply,
)

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

RUN_ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/chat",
        handler=chat,
        access=Access.ANY,
        name="chat",
        summary="Send a message, or ask a one-off question",
        tag="Chat",
        body=(ChatBody, QuestionBody),
        headers={"Idempotency-Key": _IDEMPOTENCY},
        replies={
            200: Reply(
                "The answer: frames as they come, or whole as JSON.", ChatReply, streams=True
            ),
            202: Reply(
                "Accepted; the answer is made in the background, or waits for an approval.",
                UnfinishedReply,
            ),
        },
        errors=(400, 404, 408, 409, 413, 415, 503),
    ),
    get(
        "/runs/{run_id}",
        runs.get_run,
        "Look at a run",
        RunReply,
        access=Access.OWN,
        tag="Runs",
        errors=(404, 503),
    ),
    Route(
        method="GET",
        path="/runs/{run_id}/events",
        handler=runs.follow_run,
        access=Access.OWN,
        name="follow_run",
        summary="Follow a run from any number",
        tag="Runs",
        query={"after": _AFTER},
        headers={"Last-Event-ID": _LAST_EVENT_ID},
        replies={200: FRAMES, 204: NOTHING},
        errors=(400, 404, 503),
    ),
    Route(
        method="POST",
        path="/runs/{run_id}/cancel",
        handler=runs.cancel_run,
        access=Access.OWN,
        name="cancel_run",
        summary="Stop a run; what was written stays",
        tag="Runs",
        replies={200: Reply("The run.", RunReply)},
        errors=(404, 503),
    ),
    Route(
        method="POST",
        path="/runs/{run_id}/approvals/{call_id}",
        handler=approvals.decide_approval,
        access=Access.OWN,
        name="decide_approval",
        summary="Approve or reject a tool call that waits for it",
        tag="Approvals",
        body=(ApprovalBody,),
        replies={200: Reply("What was decided.", ApprovalReply)},
        errors=(400, 403, 404, 408, 409, 413, 415, 503),
    ),
    get(
        "/approvals",
        approvals.list_approvals,
        "List what waits for the caller's decision",
        ApprovalsReply,
        access=Access.ANY,
        tag="Approvals",
        errors=(503,),
    ),
)
