"""A small clinic with its tools in hand, as a model has them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from assistant.clinic.records import schema
from assistant.clinic.schedule.calendar import steps
from assistant.clinic.tools import clinic_tools
from assistant.models import Principal
from assistant.tool import Call, Tool, ToolRefusedError, Tools
from tests.clinic import records
from tests.clinic.house import VISITOR, Clock, House, call, open_house
from tests.clinic.postgres import Postgres


@dataclass(slots=True)
class Practice:
    """The clinic with its tools in hand."""

    house: House

    async def use(self, name: str, who: Principal = VISITOR, /, **given: Any) -> str:
        """Use a tool as a model would; returns what the model is told, refusals included."""
        return await self.told(call(who), name, **given)

    async def told(self, made: Call, name: str, /, **given: Any) -> str:
        """Use a tool by a call of one's own; returns what the model is told."""
        try:
            return await self.make(made, name, **given)
        except ToolRefusedError as refusal:
            return str(refusal)

    async def make(self, made: Call, name: str, /, **given: Any) -> str:
        """Use a tool by a call of one's own.

        Raises:
            ToolRefusedError: when it did nothing.
        """
        tool = self.tool(name)
        return await tool.run(made, parsed(tool, given))

    async def ask(self, name: str, who: Principal, /, **given: Any) -> str:
        """Return what somebody would be asked before the tool is used, or why it is refused."""
        tool = self.tool(name)
        assert tool.summarise is not None
        try:
            return await tool.summarise(call(who), parsed(tool, given))
        except ToolRefusedError as refusal:
            return str(refusal)

    async def rows(self, name: str, who: Principal = VISITOR, /, **given: Any) -> list[Any]:
        """Return the rows that a tool tells of."""
        return rows_in(await self.use(name, who, **given))

    async def slot(self, who: Principal, at: str, service: str = "Follow-up", **given: Any) -> str:
        """Return the handle of the free slot at a local time such as `2026-11-24 10:20`."""
        day, _, clock = at.partition(" ")
        days = {"first_day": day, "last_day": day, "around": clock}
        found = await self.rows("find_free_slots", who, service=service, **days, **given)
        handles = [row["slot"] for row in found if f", {clock}" in row["when"]]
        assert handles, f"{at} is not among {[row['when'] for row in found]}"
        return str(handles[0])

    async def book(self, who: Principal, at: str, **given: Any) -> str:
        """Book the slot at a local time; returns the handle of the appointment."""
        told = await self.use("book_appointment", who, slot=await self.slot(who, at, **given))
        assert told.startswith("Booked:"), told
        return await self.appointment(who, at)

    async def appointment(self, who: Principal, at: str) -> str:
        """Return the handle of the patient's upcoming appointment at a local time."""
        found = await self.rows("my_appointments", who)
        day = datetime.fromisoformat(at).strftime("%b %Y, %H:%M")
        return next(str(row["appointment"]) for row in found if row["when"].endswith(day))

    def tool(self, name: str) -> Tool[Any]:
        """Return a tool."""
        return self.tools()[name]

    def tools(self) -> Tools:
        """Return all tools."""
        return clinic_tools(self.house.clinic)

    async def check_whole(self) -> None:
        """Check that every booked appointment holds exactly its time, and nothing else is held."""
        t = schema.appointments.c
        booked = await self.house.look(
            select(t.id, t.patient_id, t.practitioner_id, t.starts_at, t.ends_at).where(
                t.state == "booked"
            )
        )
        for table, column in (
            (schema.taken_times, "practitioner_id"),
            (schema.patient_times, "patient_id"),
        ):
            held = {tuple(row) for row in await self.house.look(select(table))}
            wanted = {
                (getattr(row, column), at, row.id)
                for row in booked
                for at in steps(row.starts_at, row.ends_at)
            }
            assert held == wanted


def parsed(tool: Tool[Any], given: dict[str, Any]) -> Any:
    """Return arguments as the tool takes them from a model."""
    return tool.arguments.model_validate_json(json.dumps(given))


def rows_in(told: str) -> list[Any]:
    """Return the rows in what a tool tells, which may stand after words."""
    _, brace, rest = told.partition("{")
    assert brace, told
    found: list[Any] = json.loads(brace + rest)["rows"]
    return found


@asynccontextmanager
async def open_practice(server: Postgres | None, folder: Path) -> AsyncIterator[Practice]:
    """Open the small clinic: in a PostgreSQL, or in a file."""
    async with (
        records.bare(server, folder) as options,
        open_house(options, Clock(records.NOW)) as house,
    ):
        await records.fill(house)
        yield Practice(house)
