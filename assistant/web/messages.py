"""What clients may send over a WebSocket: the shape of every message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from assistant.web.bodies import ApprovalBody, Body, Context, EarlierTurn, Name, Said


class SocketContent(Body):
    """A chat message's text in its longer form."""

    content: Said
    role: Literal["user"] = "user"


class SocketChat(Body):
    """`chat_message`: a message to a persona, over a WebSocket."""

    type: Literal["chat_message"]
    message: Said | SocketContent
    persona_type: Name | None = None
    user_id: Name | None = None
    history: list[EarlierTurn] | None = Field(None, max_length=200)
    context: Context | None = None
    if_busy: Literal["reject", "enqueue", "interrupt"] = "enqueue"


class SocketPing(Body):
    """`ping`: answered by `pong`."""

    type: Literal["ping"]


class SocketResume(Body):
    """`resume`: follow a run from after a number."""

    type: Literal["resume"]
    run_id: Name
    after: int = Field(-1, ge=-1, lt=2**53)


class SocketCancel(Body):
    """`cancel`: stop a run."""

    type: Literal["cancel"]
    run_id: Name


class SocketApprove(ApprovalBody):
    """`approve`: decide on a tool call that waits for it."""

    type: Literal["approve"]
    run_id: Name
    call_id: Name


KINDS: Mapping[str, type[Body]] = {
    "chat_message": SocketChat,
    "ping": SocketPing,
    "resume": SocketResume,
    "cancel": SocketCancel,
    "approve": SocketApprove,
}
"""Every message by the `type` that it carries."""
