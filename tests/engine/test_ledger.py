"""The ledger of effects: made once, remembered, found again, or told as uncertain."""

from __future__ import annotations

import asyncio

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from typing_extensions import override

from assistant.engine import Effect
from assistant.engine.effects import Ledger
from assistant.errors import LeaseLostError
from assistant.models import Principal
from assistant.tool import Call, ToolRefusedError
from tests.engine.stage import Stage
from tests.engine.till import Sum, Till

CALL = Call(
    key="run_1:c:0:x",
    run_id="run_1",
    call_id="c",
    correlation_id="cor",
    principal=Principal("owner"),
    session_id="ses_1",
)
BROKEN = RuntimeError("the secret")


async def _make(till: Till, tool: str, stage: Stage | None = None) -> Effect:
    return await Ledger(stage or Stage()).make(till.tools[tool], CALL, Sum(amount=3))


def _begun(tool: str) -> Stage:
    """Return the record of a run that was left between intent and result."""
    return Stage(ledger={CALL.key: Effect(tool, "intent")})


async def test_an_effect_is_made_and_written_down() -> None:
    till, stage = Till(), Stage()
    effect = await _make(till, "pay", stage)
    assert effect == Effect("pay", "ok", "paid 3")
    assert stage.ledger == {CALL.key: effect}
    assert till.paid == {CALL.key: 3}
    assert till.checks == 0


async def test_the_intent_is_there_before_the_effect() -> None:
    till, stage = Till(gate=asyncio.Event()), Stage()
    making = asyncio.create_task(_make(till, "pay", stage))
    await till.begun.wait()
    assert stage.ledger == {CALL.key: Effect("pay", "intent")}
    assert till.gate is not None
    till.gate.set()
    assert (await making).outcome == "ok"


async def test_a_refusal_is_told_as_it_stands() -> None:
    stage = Stage()
    effect = await _make(Till(), "refuse", stage)
    assert effect == stage.ledger[CALL.key] == Effect("refuse", "error", "Closed today.")


@pytest.mark.parametrize(
    ("tool", "early", "outcome", "told"),
    [
        # What can be checked is known, whichever side of its effect it broke on.
        ("pay", False, "ok", "found 3"),
        ("pay", True, "error", "nothing was changed"),
        ("shout", False, "uncertain", "may or may not"),
    ],
)
async def test_a_tool_that_breaks(tool: str, *, early: bool, outcome: str, told: str) -> None:
    till, stage = Till(fault=BROKEN, early=early), Stage()
    effect = await _make(till, tool, stage)
    assert effect.outcome == outcome
    assert told in effect.output
    assert "secret" not in effect.output
    assert stage.ledger == {CALL.key: effect}


async def test_a_tool_and_its_check_that_break() -> None:
    effect = await _make(Till(fault=BROKEN, check_fault=BROKEN), "pay")
    assert effect.outcome == "uncertain"


async def test_a_crash_after_the_effect_is_found_out() -> None:
    till, stage = Till(paid={CALL.key: 3}), _begun("pay")
    effect = await _make(till, "pay", stage)
    assert effect == stage.ledger[CALL.key] == Effect("pay", "ok", "found 3")
    assert not till.begun.is_set()


async def test_a_crash_before_the_effect_lets_it_be_made() -> None:
    till, stage = Till(), _begun("pay")
    effect = await _make(till, "pay", stage)
    assert effect == stage.ledger[CALL.key] == Effect("pay", "ok", "paid 3")
    assert till.checks == 1


async def test_a_check_that_breaks_leaves_the_doubt() -> None:
    till, stage = Till(paid={CALL.key: 3}, check_fault=BROKEN), _begun("pay")
    effect = await _make(till, "pay", stage)
    assert effect == stage.ledger[CALL.key]
    assert effect.outcome == "uncertain"
    assert not till.begun.is_set()


async def test_without_a_check_nothing_is_made_again() -> None:
    till, stage = Till(), _begun("shout")
    effect = await _make(till, "shout", stage)
    assert effect == stage.ledger[CALL.key]
    assert (effect.outcome, till.shouted) == ("uncertain", [])


@pytest.mark.parametrize("outcome", ["ok", "error", "uncertain"])
@pytest.mark.parametrize("tool", ["pay", "shout", "refuse"])
async def test_what_is_known_is_told_again_and_nothing_made(tool: str, outcome: str) -> None:
    known = Effect(tool, outcome, "as it was")
    till, stage = Till(), Stage(ledger={CALL.key: known})
    assert await _make(till, tool, stage) == known
    assert (till.checks, till.begun.is_set(), till.shouted) == (0, False, [])
    assert stage.ledger == {CALL.key: known}


class _Lost(Stage):
    """The record of a run that another worker has taken over."""

    at = ""

    @override
    async def intend(self, key: str, name: str) -> Effect | None:
        if self.at == "intend":
            raise LeaseLostError(key)
        return await super().intend(key, name)

    @override
    async def conclude(self, key: str, effect: Effect) -> None:
        raise LeaseLostError(key)


@pytest.mark.parametrize(("at", "paid"), [("intend", 0), ("conclude", 1)])
async def test_who_has_lost_the_run_begins_nothing(at: str, paid: int) -> None:
    till, stage = Till(), _Lost()
    stage.at = at
    with pytest.raises(LeaseLostError):
        await _make(till, "pay", stage)
    assert len(till.paid) == paid


async def test_a_refusal_after_a_crash_counts_like_any(monkeypatch: pytest.MonkeyPatch) -> None:
    till = Till()

    async def closed(_call: Call, _given: Sum) -> str:
        raise ToolRefusedError("Closed.")

    monkeypatch.setattr(till, "pay", closed)
    effect = await _make(till, "pay", _begun("pay"))
    assert effect == Effect("pay", "error", "Closed.")


async def test_a_tools_span_says_what_became_of_it() -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    till, stage = Till(), Stage()
    for tool, told in (
        ("pay", {}),
        ("pay", {"assistant.tool.replayed": True}),
        ("refuse", {"error.type": "refused"}),
    ):
        span = tracer.start_span(tool)
        with trace.use_span(span, end_on_exit=True):
            await _make(till, tool, stage if tool == "pay" else None)
        assert isinstance(span, ReadableSpan)
        assert span.attributes == told
