"""`/approvals`: what waits for a human's yes, and saying it."""

from __future__ import annotations

from aiohttp import web

from assistant.web import answers
from assistant.web.bodies import ApprovalBody, read_object, validate
from assistant.web.keys import PARTS, PRINCIPAL
from assistant.web.run_replies import ApprovalsReply, approval_replies, approval_reply


async def list_approvals(request: web.Request) -> web.Response:
    """List what waits for the caller's decision."""
    caller = request[PRINCIPAL]
    found = await request.app[PARTS].runs.approvals.waiting_for(caller)
    reply = ApprovalsReply(approvals=approval_replies(found, caller), count=len(found))
    return answers.json(reply.model_dump())


async def decide_approval(request: web.Request) -> web.Response:
    """Approve or reject a tool call; answers with what was decided."""
    body = validate(ApprovalBody, await read_object(request))
    approval = await request.app[PARTS].runs.approvals.decide(
        request.match_info["run_id"],
        request.match_info["call_id"],
        request[PRINCIPAL],
        body.verdict,
    )
    return answers.json(approval_reply(approval, request[PRINCIPAL]).model_dump())
