"""Five hundred want the same time at once: one has it, and all others are told what is left."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from blockbuster import BlockBuster
from sqlalchemy import select

from assistant.clinic.records import schema
from tests.clinic.practice import Practice, open_practice, rows_in
from tests.clinic.records import add_patients
from tests.clinic.rush import FIRST, calls_of, handle_of, rush
from tests.conftest import may_block
from tests.processes import ROOT

CROWD = 500


@pytest.mark.long
@pytest.mark.no_cover
@pytest.mark.timeout(180)
async def test_of_a_crowd_exactly_one_books_a_slot(practice: Practice) -> None:
    numbers = await _crowd(practice, CROWD)
    await _check_one_has_it(practice, await rush(practice, numbers), CROWD)


@pytest.mark.timeout(120)
async def test_of_two_processes_at_once_exactly_one_books_a_slot(
    tmp_path: Path, no_blocking_calls: BlockBuster
) -> None:
    # PostgreSQL serves many processes as it is; those of SQLite share a file.
    with may_block(no_blocking_calls):
        async with open_practice(None, tmp_path) as practice:
            numbers = await _crowd(practice, 40)
            both = [await _begun(tmp_path, half) for half in (numbers[:20], numbers[20:])]
            told = [words for part in await asyncio.gather(*map(_ended, both)) for words in part]
            await _check_one_has_it(practice, told, 40)


async def _begun(folder: Path, numbers: Sequence[int]) -> Process:
    program = sys.executable, "-m", "tests.clinic.rush", str(folder)
    first, last = str(numbers[0]), str(numbers[-1] + 1)
    process = await asyncio.create_subprocess_exec(
        *program, first, last, cwd=ROOT, stdin=PIPE, stdout=PIPE
    )
    assert process.stdout is not None
    while (line := await process.stdout.readline()) != b"ready\n":
        assert line, "it ended before it began"
    return process


async def _ended(process: Process) -> list[str]:
    """Let a process rush; returns what its crowd was told."""
    printed, _ = await process.communicate(b"go\n")
    assert process.returncode == 0
    return [line for line in printed.decode().splitlines() if line.startswith(("Booked", "That"))]


async def _crowd(practice: Practice, size: int) -> Sequence[int]:
    """Have a crowd of patients who all know the same slot; returns their numbers."""
    people = [("Pat", f"Crowd{n}", date(1990, 1, 1)) for n in range(size)]
    await add_patients(practice.house, people, FIRST)
    numbers = range(FIRST, FIRST + size)
    await practice.house.put(schema.handles, *map(handle_of, calls_of(numbers)))
    return numbers


async def _check_one_has_it(practice: Practice, told: Sequence[str], size: int) -> None:
    booked = [words for words in told if words.startswith("Booked: ")]
    taken = [words for words in told if words.startswith("That time has just been taken. Free ")]
    assert (len(booked), len(taken)) == (1, size - 1)
    # What they are offered is not what has just gone.
    for words in taken:
        assert len(rows_in(words)) == 3
        assert ", 10:20" not in words
    await practice.check_whole()
    t = schema.appointments.c
    assert len(await practice.house.look(select(t.id).where(t.state == "booked"))) == 1
    changes = await practice.house.look(select(schema.changes))
    assert [(change.what, change.told) for change in changes] == [("booked", booked[0])]
