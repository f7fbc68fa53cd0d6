"""What a clinic's tool is before it has a clinic: functions over a visit, and who may have it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from assistant.clinic.records.database import Clinic
from assistant.clinic.records.grants import Kind
from assistant.clinic.records.reach import kind_of
from assistant.clinic.records.visit import Visit
from assistant.clinic.schedule.appointments import told_before
from assistant.clinic.schedule.slots import SlotGoneError
from assistant.clinic.tools.arguments import Arguments
from assistant.clinic.tools.instead import alternatives
from assistant.tool import Call, Tool, ToolRefusedError

_Given = TypeVar("_Given", bound=Arguments)
Step = Callable[[Visit, _Given], Awaitable[str]]

EVERYONE: tuple[Kind, ...] = ("visitor", "patient", "staff")


@dataclass(frozen=True, slots=True)
class Piece(Generic[_Given]):
    """One tool of the clinic.

    Attributes:
        kinds: who has it.
        do: does it within one visit, and returns what the model is told, or refuses.
        ask: where it changes something: says what it would do, or refuses as `do` would.
    """

    name: str
    description: str
    arguments: type[_Given]
    kinds: tuple[Kind, ...]
    do: Step[_Given]
    ask: Step[_Given] | None = None


def tool_of(clinic: Clinic, piece: Piece[_Given]) -> Tool[_Given]:
    """Return the tool that does its piece of work at this clinic."""
    ask = piece.ask
    return Tool(
        piece.name,
        piece.description,
        piece.arguments,
        _visiting(clinic, piece.name, piece.do),
        effectful=ask is not None,
        check=None if ask is None else _checking(clinic, piece.name),
        summarise=None if ask is None else _visiting(clinic, f"{piece.name}:ask", ask),
        allows=lambda principal: kind_of(principal) in piece.kinds,
    )


def _visiting(
    clinic: Clinic, action: str, step: Step[_Given]
) -> Callable[[Call, _Given], Awaitable[str]]:
    async def run(call: Call, given: _Given) -> str:
        try:
            async with clinic.visit(call, action) as visit:
                return await step(visit, given)
        except SlotGoneError as gone:
            # What was begun is undone by now; the search goes on in a visit of its own.
            async with clinic.visit(call, f"{action}:instead") as visit:
                told = await alternatives(visit, gone.directory, gone.slot)
            raise ToolRefusedError(told) from None

    return run


def _checking(clinic: Clinic, name: str) -> Callable[[Call, Any], Awaitable[str | None]]:
    async def check(call: Call, _given: Any) -> str | None:
        async with clinic.visit(call, f"{name}:check") as visit:
            return await told_before(visit)

    return check
