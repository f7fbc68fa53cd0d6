"""A process of its own whose crowd of patients wants one slot: `python -m tests.clinic.rush`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from assistant.clinic.records.handles import scope_of
from assistant.clinic.records.options import ClinicOptions
from assistant.tool import Call
from tests.clinic.house import Clock, call, open_house
from tests.clinic.practice import Practice
from tests.clinic.records import NOW, local, patient

FIRST = 1_000
SLOT = "slot_00000000"
REF = f"osei|check|main|{local('2026-11-24 10:20').isoformat()}"


def calls_of(numbers: Sequence[int]) -> list[Call]:
    """Return a call for each of these patients, who knows the slot by `SLOT`."""
    return [call(patient(number), session=f"ses_{number}") for number in numbers]


def handle_of(made: Call) -> dict[str, object]:
    """Return the row that makes `SLOT` the slot's name for this call."""
    scope = scope_of(made)
    return {"scope": scope, "handle": SLOT, "kind": "slot", "ref": REF, "made_at": NOW}


async def rush(practice: Practice, numbers: Sequence[int]) -> list[str]:
    """Let these patients book the slot at once; returns what each is told."""
    calls = calls_of(numbers)
    return await asyncio.gather(
        *(practice.told(made, "book_appointment", slot=SLOT) for made in calls)
    )


async def _main(folder: str, first: int, last: int) -> None:
    async with open_house(ClinicOptions(data_dir=Path(folder)), Clock(NOW)) as house:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        for told in await rush(Practice(house), range(first, last)):
            sys.stdout.write(f"{told}\n")


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
