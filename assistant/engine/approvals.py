"""Where the runner stops before a call: says yes by itself, asks for a yes, or passes a no on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
import structlog
from agents import Agent, RunState
from agents.items import ToolApprovalItem

from assistant.engine.jobs import RunContext
from assistant.engine.tools import Toolbox, arguments_hash, parse
from assistant.models import Approval, now
from assistant.persona import ApprovalRule
from assistant.tool import Tool

log = structlog.get_logger(__name__)

_State = RunState[RunContext, Agent[RunContext]]


def settle(
    state: _State,
    context: RunContext,
    toolbox: Toolbox,
    calls: Mapping[str, tuple[str, str]],
) -> list[Approval]:
    """Answer each call that waits in `state`, as far as that is known.

    `calls` holds the open calls: the model's id to ours and the tool's name. Returns what
    somebody has yet to decide; where that is nothing, the state may go on.
    """
    wanted = []
    for item in state.get_interruptions():
        rule, tool = _rule(context, item), toolbox[item.name or ""]
        if rule is None or not _sound(tool, _arguments(item)):
            # Without a rule the stop was for the checkpoint only; unsound arguments make no effect.
            state.approve(item)
            continue
        theirs = _call_id(item)
        asked = _request(context, item, rule, tool, calls[theirs][0])
        decided = context.job.decisions.get(asked.call_id)
        if decided is None or decided.decision is None:
            wanted.append(asked)
        else:
            _pass_on(state, item, asked, decided, context.outcomes)
    return wanted


def as_text(state: _State, *, step_begun: bool) -> str:
    """Return the state as JSON.

    The SDK counts a step as soon as it begins; the one that begins after a checkpoint
    (`step_begun`) will begin again.
    """
    # What a run knows besides the conversation comes from the job, never from here.
    value = state.to_json(context_serializer=lambda _: {})
    if step_begun:
        value["current_turn"] -= 1
    history = value["original_input"]
    if isinstance(history, list):
        ours = value["context"]["tool_invocations"]
        value["original_input"] = [_apart(_as_given(item), ours) for item in history]
    return json.dumps(value, ensure_ascii=True)


def _as_given(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item of the history as it was given to the SDK.

    It writes an assistant's plain text in parts and without an id, which its own converter for
    Chat Completions then refuses.
    """
    content = item.get("content")
    if item.get("role") != "assistant" or "id" in item or not isinstance(content, list):
        return item
    return {"role": "assistant", "content": "".join(part.get("text", "") for part in content)}


def _apart(item: dict[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item of the history so that its call is none of this run's.

    Some servers use an id again in each run, and the SDK takes the two calls for one.
    """
    call_id = item.get("call_id")
    return item if call_id not in ours else item | {"call_id": f"{call_id}_before"}


def _pass_on(
    state: _State,
    item: ToolApprovalItem,
    asked: Approval,
    decided: Approval,
    outcomes: dict[str, str],
) -> None:
    if decided.arguments_hash != asked.arguments_hash:
        log.error("approval.mismatch", call_id=asked.call_id)
        decided = msgspec.structs.replace(decided, decision="rejected", reason="")
    if decided.decision == "approved":
        state.approve(item)
        return
    outcomes[_call_id(item)] = str(decided.decision)
    if decided.decision == "expired":
        told = "Nobody approved this in time, so it was not done. Tell the user."
    else:
        why = f" The reason given: {decided.reason}" if decided.reason else ""
        told = f"This was declined, so it was not done. Do not try it again unless asked.{why}"
    state.reject(item, rejection_message=told)


def _request(
    context: RunContext, item: ToolApprovalItem, rule: ApprovalRule, tool: Tool[Any], ours: str
) -> Approval:
    job, arguments, at = context.job, _arguments(item), now()
    # What would be done, not what the model wrote: defaults are filled in, strangers left out.
    given = parse(tool, arguments)
    shown = given.model_dump(mode="json")
    return Approval(
        run_id=job.run_id,
        session_id=job.session_id,
        call_id=ours,
        owner=job.owner,
        name=tool.name,
        summary=tool.summarise(given) if tool.summarise else _summary(tool, shown),
        arguments=shown,
        arguments_hash=arguments_hash(tool.name, arguments),
        by=rule.by,
        requested_at=at,
        expires_at=at + timedelta(minutes=rule.expires_minutes),
    )


def _summary(tool: Tool[Any], shown: Mapping[str, Any]) -> str:
    told = ", ".join(f"{name}: {value}" for name, value in shown.items())
    return f"{tool.name.replace('_', ' ').capitalize()}{f' ({told})' if told else ''}"


def _sound(tool: Tool[Any], arguments: str) -> bool:
    try:
        parse(tool, arguments)
    except ValueError:
        return False
    return True


def _rule(context: RunContext, item: ToolApprovalItem) -> ApprovalRule | None:
    return context.job.others[item.agent.name].file.approvals.get(item.name or "")


def _call_id(item: ToolApprovalItem) -> str:
    return str(getattr(item.raw_item, "call_id", ""))


def _arguments(item: ToolApprovalItem) -> str:
    return str(getattr(item.raw_item, "arguments", "") or "{}")
