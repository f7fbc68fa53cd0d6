"""A till: tools that look and tools that change something, with all that can go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel

from assistant.persona import Persona
from assistant.tool import Call, Tool, ToolRefusedError, Tools
from tests.engine.stage import PERSONAS


class Sum(BaseModel):
    """How much."""

    amount: int


@dataclass
class Till:
    """Keeps what was paid, and by which call.

    Attributes:
        paid: amounts by the key of the call that paid them.
        looks: how often somebody looked.
        fault: raised by `pay` and `shout` after their effect, or before it where `early`.
        check_fault: raised by the check.
        gate: what `pay` waits for after it has begun.
    """

    paid: dict[str, int] = field(default_factory=dict)
    shouted: list[Call] = field(default_factory=list)
    looks: int = 0
    checks: int = 0
    fault: Exception | None = None
    early: bool = False
    check_fault: Exception | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event | None = None

    async def look(self, _call: Call, given: Sum) -> str:
        self.looks += 1
        return f"{given.amount} would do"

    async def pay(self, call: Call, given: Sum) -> str:
        self.begun.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.fault and self.early:
            raise self.fault
        assert call.key not in self.paid, "paid twice"
        self.paid[call.key] = given.amount
        if self.fault:
            raise self.fault
        return f"paid {given.amount}"

    async def check(self, call: Call, _given: Sum) -> str | None:
        self.checks += 1
        if self.check_fault is not None:
            raise self.check_fault
        return f"found {self.paid[call.key]}" if call.key in self.paid else None

    async def shout(self, call: Call, given: Sum) -> str:
        self.shouted.append(call)
        if self.fault:
            raise self.fault
        return f"shouted {given.amount}"

    async def refuse(self, _call: Call, _given: Sum) -> str:
        message = "Closed today."
        raise ToolRefusedError(message)

    @property
    def tools(self) -> Tools:
        """Return its tools: `pay` can be checked, `shout` can not."""
        tools: list[Tool[Any]] = [
            Tool("look", "Look.", Sum, self.look),
            Tool("pay", "Pay.", Sum, self.pay, effectful=True, check=self.check),
            Tool("shout", "Shout.", Sum, self.shout, effectful=True),
            Tool("refuse", "Refuse.", Sum, self.refuse, effectful=True),
        ]
        return {tool.name: tool for tool in tools}


def cashier(**changes: Any) -> Persona:
    """Return a persona with these tools; `changes` are fields of its file."""
    tester = PERSONAS["tester"]
    usual: Mapping[str, Any] = {
        "tools": ("look", "pay", "shout", "refuse", "echo", "breaks"),
        "max_steps": 4,
    }
    return replace(tester, file=tester.file.model_copy(update={**usual, **changes}))
