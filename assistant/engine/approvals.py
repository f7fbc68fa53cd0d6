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
from pydantic import BaseModel

from assistant.engine import faults, tracing
from assistant.engine.jobs import RunContext
from assistant.engine.tools import FAILED, Toolbox, arguments_hash, parse
from assistant.models import Approval, now
from assistant.persona import ApprovalRule
from assistant.tool import DECLINED, LAPSED, Tool, ToolRefusedError

log = structlog.get_logger(__name__)

_MOST = 20  # calls in one step; what the SDK does for each grows with their number
_State = RunState[RunContext, Agent[RunContext]]


async def settle(
    state: _State,
    context: RunContext,
    toolbox: Toolbox,
    calls: Mapping[str, tuple[str, str]],
) -> list[Approval]:
    """Answer each call that waits in `state`, as far as that is known.

    `calls` holds the open calls: the model's id to ours and the tool's name. Returns what
    somebody has yet to decide; where that is nothing, the state may go on.

    Raises:
        ModelError: when the model wants more at once than anybody could look at.
    """
    wanted, waiting = [], state.get_interruptions()
    if len(waiting) > _MOST:
        raise faults.nonsense()
    for item in waiting:
        asked = await _answer(state, item, context, toolbox, calls)
        if asked is not None:
            wanted.append(asked)
    return wanted


async def _answer(
    state: _State,
    item: ToolApprovalItem,
    context: RunContext,
    toolbox: Toolbox,
    calls: Mapping[str, tuple[str, str]],
) -> Approval | None:
    """Answer one call that waits; returns what somebody has yet to decide about it, if anything."""
    theirs, rule, given = _call_id(item), _rule(context, item), _given(item, toolbox)
    if rule is None or given is None:
        # Without a rule the stop was for the checkpoint only; unsound arguments are refused.
        state.approve(item)
        return None
    ours = calls[theirs][0]
    decided = context.job.decisions.get(ours)
    if decided is not None and decided.decision is not None:
        _pass_on(state, item, decided, context.outcomes)
        return None
    try:
        summary = await _summary(item, toolbox, given)
    except ToolRefusedError as error:
        # Nobody is asked, and so it is not made: by the time it is, it might do something.
        context.outcomes[theirs] = "error"
        state.reject(item, rejection_message=str(error))
        return None
    return _request(context, item, rule, (summary, given), ours)


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
    decided: Approval,
    outcomes: dict[str, str],
) -> None:
    if decided.arguments_hash != arguments_hash(item.name or "", _arguments(item)):
        log.error("approval.mismatch", call_id=decided.call_id)
        decided = msgspec.structs.replace(decided, decision="rejected", reason="")
    if decided.decision == "approved":
        state.approve(item)
        return
    outcomes[_call_id(item)] = str(decided.decision)
    tracing.decline(item.name or "", str(decided.decision))
    if decided.decision == "expired":
        told = f"{LAPSED} Tell the user."
    else:
        why = f" The reason given: {decided.reason}" if decided.reason else ""
        told = f"{DECLINED} Do not try it again unless asked.{why}"
    state.reject(item, rejection_message=told)


def _request(
    context: RunContext,
    item: ToolApprovalItem,
    rule: ApprovalRule,
    told: tuple[str, BaseModel],
    ours: str,
) -> Approval:
    job, name, at = context.job, item.name or "", now()
    summary, given = told
    return Approval(
        run_id=job.run_id,
        session_id=job.session_id,
        call_id=ours,
        owner=job.principal.name,
        name=name,
        summary=summary,
        # What would be done, not what the model wrote: defaults are filled in, strangers left out.
        arguments=given.model_dump(mode="json"),
        arguments_hash=arguments_hash(name, _arguments(item)),
        by=rule.by,
        requested_at=at,
        expires_at=at + timedelta(minutes=rule.expires_minutes),
    )


async def _summary(item: ToolApprovalItem, toolbox: Toolbox, given: BaseModel) -> str:
    """Return what the call would do, in a sentence.

    Raises:
        ToolRefusedError: when it would be refused, or nobody can say what it would do.
    """
    tool = toolbox[item.name or ""]
    if tool.summarise is None:
        return _plainly(tool, given.model_dump(mode="json"))
    try:
        return await tool.summarise(toolbox.call(tool, _call_id(item), _arguments(item)), given)
    except ToolRefusedError:
        raise
    except Exception as error:
        log.warning("tool.failed", tool=tool.name, error=type(error).__name__)
        raise ToolRefusedError(FAILED) from error


def _plainly(tool: Tool[Any], shown: Mapping[str, Any]) -> str:
    told = ", ".join(f"{name}: {value}" for name, value in shown.items())
    return f"{tool.name.replace('_', ' ').capitalize()}{f' ({told})' if told else ''}"


def _given(item: ToolApprovalItem, toolbox: Toolbox) -> BaseModel | None:
    try:
        return parse(toolbox[item.name or ""], _arguments(item))
    except ValueError:
        return None


def _rule(context: RunContext, item: ToolApprovalItem) -> ApprovalRule | None:
    return context.job.others[item.agent.name].file.approvals.get(item.name or "")


def _call_id(item: ToolApprovalItem) -> str:
    return str(getattr(item.raw_item, "call_id", ""))


def _arguments(item: ToolApprovalItem) -> str:
    return str(getattr(item.raw_item, "arguments", "") or "{}")
