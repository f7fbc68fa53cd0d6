"""Tools of a run: what they are told, what they change once, and what a stop leaves of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agents.testing import ScriptedModel, assistant_message, function_call
from typing_extensions import override

from assistant.engine import Checkpoint, Effect, Execution, tools
from assistant.errors import LeaseLostError
from assistant.events import ToolReturned
from assistant.models import Turn
from tests.engine.stage import Stage, check_rules, play, spoken
from tests.engine.till import Till, cashier

PAY = function_call("pay", {"amount": 3}, call_id="c1")


def _play(stage: Stage, till: Till, *steps: Any, **job: Any) -> Execution:
    usual: dict[str, Any] = {"persona": cashier(), "tools": till.tools}
    return play(stage, ScriptedModel(steps), **usual | job)


def _outcomes(stage: Stage) -> dict[str, str]:
    return {e.name: e.outcome for e in stage.events if isinstance(e, ToolReturned)}


async def test_a_tool_knows_for_whom_it_works_and_the_model_cannot_say() -> None:
    till = Till()
    told = function_call(
        "shout", '{"amount": 1, "owner": "another", "user_id": "another"}', call_id="c1"
    )
    turn = Turn("hi", {"page": "p"}, "user-1")
    await _play(Stage(), till, [told], spoken("Done."), turn=turn).run()
    (call,) = till.shouted
    assert (call.run_id, call.call_id, call.correlation_id) == ("run_1", "c1", "cor_1")
    assert (call.principal.name, call.user_id, call.page) == ("owner", "user-1", {"page": "p"})


async def test_each_call_has_a_key_of_its_own_whatever_it_says() -> None:
    till, stage = Till(), Stage()
    again = function_call("pay", {"amount": 3}, call_id="c2")
    await _play(stage, till, [PAY, again], spoken("Done.")).run()
    assert list(till.paid.values()) == [3, 3]
    other = Stage()
    await _play(other, till, [PAY], spoken("Done."), run_id="run_2").run()
    assert len(till.paid) == 3
    assert not set(stage.ledger) & set(other.ledger)


async def test_effects_and_looks_in_one_step() -> None:
    till, stage = Till(), Stage()
    calls = [
        function_call("look", {"amount": 1}, call_id="c0"),
        PAY,
        function_call("shout", {"amount": 2}, call_id="c2"),
        function_call("echo", {"text": "e"}, call_id="c3"),
        function_call("refuse", {"amount": 1}, call_id="c4"),
        function_call("breaks", {}, call_id="c5"),
    ]
    execution = _play(stage, till, calls, spoken("Done."))
    await execution.run()
    check_rules(stage.events)
    assert _outcomes(stage) == {
        "look": "ok",
        "pay": "ok",
        "shout": "ok",
        "echo": "ok",
        "refuse": "error",
        "breaks": "error",
    }
    assert (till.looks, len(till.paid), len(till.shouted)) == (1, 1, 1)
    assert {effect.name for effect in stage.ledger.values()} == {"pay", "shout", "refuse"}


async def test_looks_are_in_no_ledger() -> None:
    stage = Stage()
    look = function_call("look", {"amount": 1}, call_id="c0")
    await _play(stage, Till(), [look], spoken("Done.")).run()
    assert stage.ledger == {}


@pytest.mark.parametrize(
    ("tool", "outcome"), [("pay", "ok"), ("shout", "uncertain")], ids=["checked", "unchecked"]
)
async def test_an_effect_that_breaks_is_told_as_what_is_known(tool: str, outcome: str) -> None:
    stage, till = Stage(), Till(fault=RuntimeError("the secret"))
    call = function_call(tool, {"amount": 3}, call_id="c1")
    execution = _play(stage, till, [call], spoken("Done."))
    await execution.run()
    assert _outcomes(stage) == {tool: outcome}
    assert "secret" not in str(execution.items)


async def _stopped(stage: Stage, till: Till) -> Execution:
    """Stop a run while it pays."""
    execution = _play(stage, till, [assistant_message("Wait."), PAY])
    work = asyncio.create_task(execution.run())
    async with asyncio.timeout(5):
        await till.begun.wait()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert work.cancelled()
    return execution


async def test_an_effect_under_way_is_finished_written_down_and_told() -> None:
    gate = asyncio.Event()
    stage, till = Stage(), Till(gate=gate)
    execution = await _stopped(stage, till)
    (intent,) = stage.ledger.values()
    assert intent == Effect("pay", "intent")
    gate.set()
    await execution.settle()
    execution.close()
    assert list(till.paid.values()) == [3]
    assert list(stage.ledger.values()) == [Effect("pay", "ok", "paid 3")]
    check_rules(stage.events)
    assert _outcomes(stage) == {"pay": "ok"}
    # The next run's model is told of it.
    assert [item.get("type", item.get("role")) for item in execution.items] == [
        "function_call",
        "function_call_output",
        "assistant",
    ]
    assert execution.items[1]["output"] == "paid 3"


async def test_an_effect_without_end_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_LAST_EFFECTS", 0.05)
    gate = asyncio.Event()
    stage, till = Stage(), Till(gate=gate)
    execution = await _stopped(stage, till)
    async with asyncio.timeout(5):
        await execution.settle()
    execution.close()
    assert _outcomes(stage) == {"pay": "error"}
    assert list(stage.ledger.values()) == [Effect("pay", "intent")]
    assert execution.items == [{"role": "assistant", "content": "Wait."}]
    gate.set()
    await execution.settle()
    assert list(stage.ledger.values()) == [Effect("pay", "ok", "paid 3")]


class _Taken(Stage):
    """A record of a run that another worker takes over at some step."""

    at = ""

    async def _step(self, name: str) -> None:
        if name == self.at:
            message = "another worker"
            raise LeaseLostError(message)

    @override
    async def keep(self, checkpoint: Checkpoint) -> None:
        await self._step("keep")
        await super().keep(checkpoint)

    @override
    async def intend(self, key: str, name: str) -> Effect | None:
        await self._step("intend")
        return await super().intend(key, name)

    @override
    async def conclude(self, key: str, effect: Effect) -> None:
        await self._step("conclude")
        await super().conclude(key, effect)


@pytest.mark.parametrize(
    ("at", "paid", "looks"), [("keep", 0, 0), ("intend", 0, 1), ("conclude", 1, 1)]
)
async def test_a_run_that_was_taken_over_stops_there(at: str, paid: int, looks: int) -> None:
    stage, till = _Taken(), Till()
    stage.at = at
    look = function_call("look", {"amount": 1}, call_id="c0")
    steps: list[Any] = [[look], spoken("Never said.")] if at == "keep" else [[look, PAY]]
    execution = _play(stage, till, *steps)
    with pytest.raises(LeaseLostError):
        await execution.run()
    execution.close()
    assert (len(till.paid), till.looks) == (paid, 1 if at == "keep" else looks)
    assert execution.text == ""


async def test_arguments_of_another_shape_are_told_to_the_model() -> None:
    till, stage = Till(), Stage()
    calls = [
        function_call("look", '{"amount": "much"}', call_id="c0"),
        function_call("shout", "{", call_id="c1"),
    ]
    model = ScriptedModel([calls, spoken("Done.")])
    await play(stage, model, persona=cashier(), tools=till.tools).run()
    assert _outcomes(stage) == {"look": "error", "shout": "error"}
    assert (till.looks, till.shouted, stage.ledger) == (0, [], {})
    outputs = {
        item["call_id"]: item["output"]
        for item in model.calls[1].input
        if item.get("type") == "function_call_output"
    }
    assert "amount" in outputs["c0"]
    assert all("not made" in output for output in outputs.values())


async def test_what_a_tool_refuses_is_told_in_its_words() -> None:
    stage = Stage()
    call = function_call("refuse", {"amount": 1}, call_id="c0")
    model = ScriptedModel([[call], spoken("Done.")])
    await play(stage, model, persona=cashier(), tools=Till().tools).run()
    assert _outcomes(stage) == {"refuse": "error"}
    assert model.calls[1].input[-1]["output"] == "Closed today."


async def test_what_one_call_came_to_says_nothing_of_the_next() -> None:
    stage, till = Stage(), Till()
    wrong = function_call("look", '{"amount": "much"}', call_id="c0")
    right = function_call("look", {"amount": 1}, call_id="c1")
    await _play(stage, till, [wrong], [right], spoken("Done.")).run()
    returned = [event.outcome for event in stage.events if isinstance(event, ToolReturned)]
    assert returned == ["error", "ok"]
