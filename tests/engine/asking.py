"""A run that asks before it pays, for tests: up to the question, and on from the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from agents.testing import ScriptedModel, assistant_message, function_call

from assistant.engine import Execution
from assistant.models import Approval, Decision
from assistant.persona import ApprovalRule
from tests.engine.stage import Stage, play, spoken
from tests.engine.till import Till, cashier

BOSS = ApprovalRule(by="role:boss", expires_minutes=5)
PAY = function_call("pay", {"amount": 3}, call_id="c1")


def careful(*names: str, rule: ApprovalRule = BOSS) -> Any:
    return cashier(approvals=dict.fromkeys(names, rule))


async def asked(
    *calls: Any, till: Till | None = None, persona: Any = None
) -> tuple[Stage, Execution]:
    """Run up to where somebody has to say yes."""
    stage, model = Stage(), ScriptedModel([[assistant_message("Wait."), *calls]])
    execution = play(stage, model, persona=persona or careful("pay"), tools=(till or Till()).tools)
    await execution.run()
    model.assert_complete()
    return stage, execution


def answered(wanted: list[Approval], *decisions: Decision, **fields: str) -> dict[str, Approval]:
    return {
        approval.call_id: msgspec.structs.replace(
            approval, decision=decision, decided_by="boss", **fields
        )
        for approval, decision in zip(wanted, decisions, strict=True)
    }


async def resumed_with(
    stage: Stage,
    decisions: Mapping[str, Approval],
    *,
    till: Till,
    persona: Any = None,
    steps: list[Any] | None = None,
) -> tuple[Stage, ScriptedModel, Execution]:
    """Go on, as another process does, after decisions."""
    later = Stage(ledger=stage.ledger)
    model = ScriptedModel([spoken("Done.")] if steps is None else steps)
    execution = play(
        later,
        model,
        persona=persona or careful("pay"),
        tools=till.tools,
        checkpoint=stage.checkpoints[-1],
        decisions=decisions,
    )
    await execution.run()
    model.assert_complete()
    return later, model, execution


def last_told(model: ScriptedModel) -> str:
    """Return what the model was told of its last call."""
    return str(model.calls[0].input[-1]["output"])
