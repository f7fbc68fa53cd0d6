"""What is missing, what is somebody else's and what was never there answer alike, word for word."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from sqlalchemy import select

from assistant.clinic.records import schema
from assistant.clinic.records.database import Clinic, open_clinic
from assistant.clinic.tools import clinic_tools
from assistant.engine.tools import parse
from assistant.models import Principal
from assistant.tool import ToolRefusedError
from tests.clinic.attacks.attack import Use, Who
from tests.clinic.attacks.fuzzing import Fuzzer
from tests.clinic.attacks.groups.arguments import EFFECTFUL, NAMES_RECORDS, SOUND, weakest
from tests.clinic.attacks.houses import House
from tests.clinic.attacks.known import numbers
from tests.clinic.attacks.world import PRINCIPALS
from tests.clinic.house import call

_NAMED = [(t, a) for t, sound in SOUND.items() for a in sound if a in NAMES_RECORDS]


async def _asked(clinic: Clinic, who: Principal, use: Use, page: Any = None) -> str:
    tool = clinic_tools(clinic)[use.tool]
    try:
        return await tool.run(call(who, "fuzz", page), parse(tool, use.text))
    except ToolRefusedError as error:
        return str(error)


@pytest.mark.parametrize(("tool", "argument"), _NAMED)
async def test_foreign_names_and_names_of_nothing_answer_alike(
    on_file: House, tool: str, argument: str
) -> None:
    who: Who = weakest(tool)
    async with open_clinic(on_file.options) as clinic:
        fuzzer = Fuzzer(on_file, clinic, who)
        await fuzzer.begin()
        foreign = fuzzer.their.get(argument, []) or fuzzer.their["slot"]
        sound = _filled(SOUND[tool], fuzzer.own)
        number = numbers(on_file.world)["their id"]
        tried = [*foreign[:3], f"{argument}_00000000", f"{argument}_zzzzzzzz", number, "%"]
        told = {
            await _asked(clinic, PRINCIPALS[who], Use(tool, {**sound, argument: name}))
            for name in tried
        }
    assert told == {"There is nothing by that name in this conversation; look it up again."}


def _filled(sound: Any, own: dict[str, list[str]]) -> dict[str, Any]:
    return {
        name: own[name][-1] if name in NAMES_RECORDS else value for name, value in sound.items()
    }


@pytest.mark.parametrize("kind", ["appointment", "patient"])
async def test_a_page_of_somebody_else_is_a_page_of_nothing(on_file: House, kind: str) -> None:
    known = numbers(on_file.world)
    pages: list[Any] = [{kind: known["their id"]}, {kind: known["victim"]}, {kind: "A-0"}, {}]
    pages += [{kind: ["A-0"]}, {kind: "%"}, {kind: "' OR 1=1 --"}, {kind: "A-0" * 999}]
    async with open_clinic(on_file.options) as clinic:
        told = {
            await _asked(clinic, PRINCIPALS["patient"], Use("open_record"), page) for page in pages
        }
    assert len(told) == 1
    assert "nothing there" in told.pop()


async def test_the_audit_does_not_tell_them_apart_either(on_file: House) -> None:
    known = numbers(on_file.world)
    async with open_clinic(on_file.options) as clinic:
        for key in (known["their id"], "A-0"):
            page = {"appointment": key}
            await _asked(clinic, PRINCIPALS["patient"], Use("open_record"), page)
    audit = schema.audit.c
    query = select(audit.action, audit.outcome, audit.rows_read, audit.kind)
    async with on_file.eyes.connect() as connection:
        rows = (await connection.execute(query)).all()
    assert len(rows) == 2
    assert len(set(rows)) == 1


async def test_a_question_is_only_asked_of_what_would_be_done(on_file: House) -> None:
    """Find that what a tool refuses to do it refuses to ask for, in the same words."""
    told = defaultdict(set)
    async with open_clinic(on_file.options) as clinic:
        for name in EFFECTFUL - {"join_waiting_list"}:
            who = PRINCIPALS[weakest(name)]
            tool = clinic_tools(clinic)[name]
            given = parse(tool, Use(name, _nothing(name)).text)
            for ask in (tool.run, tool.summarise):
                assert ask is not None
                with pytest.raises(ToolRefusedError) as refused:
                    await ask(call(who), given)
                told[name].add(str(refused.value))
    assert {name: len(words) for name, words in told.items()} == dict.fromkeys(told, 1)


def _nothing(tool: str) -> dict[str, Any]:
    return {name: f"{name}_00000000" for name in SOUND[tool] if name in NAMES_RECORDS}
