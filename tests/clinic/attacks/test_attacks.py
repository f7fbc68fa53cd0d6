"""A hostile model attacks the clinic: on SQLite, and on PostgreSQL with our own scope gone."""

from __future__ import annotations

import sys

import pytest

from assistant.clinic.tools import _PIECES
from tests.clinic.attacks.attack import TOOLS_OF
from tests.clinic.attacks.campaign import play_all
from tests.clinic.attacks.groups import ATTACKS
from tests.clinic.attacks.groups.arguments import SOUND
from tests.clinic.attacks.stage import Stage

LONG = 300
SHARES = range(6)
"""Each share of the attacks has a clinic of its own: after each of them every row is looked at."""

_STOPPED = {"fields that are none", "odd values", "huge", "loops"}
"""What never comes as far as the database, or does nothing there but to come again."""


def test_there_are_attacks_enough_each_by_its_own_name() -> None:
    assert len({str(attack) for attack in ATTACKS}) == len(ATTACKS) >= 200


def test_every_argument_of_every_tool_is_attacked() -> None:
    """Fail when a tool or an argument is new, or somebody has a tool that they had not."""
    arguments = {piece.name: set(piece.arguments.model_fields) for piece in _PIECES}
    assert arguments == {tool: set(sound) for tool, sound in SOUND.items()}
    for who, tools in TOOLS_OF.items():
        assert {piece.name for piece in _PIECES if who in piece.kinds} == tools


@pytest.mark.long
@pytest.mark.no_cover
@pytest.mark.timeout(LONG)
@pytest.mark.parametrize("share", SHARES)
async def test_no_attack_reaches_another(
    share: int, stage_on_file: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    report = await play_all(stage_on_file, ATTACKS[share :: len(SHARES)])
    with capsys.disabled():
        sys.stdout.write(f"{report}\n")
    assert report.faults == []
    # Had the attackers only ever been refused, nothing would be shown.
    assert report.agreed > 20 / len(SHARES)
    assert report.calls > 2_000 / len(SHARES)


@pytest.mark.long
@pytest.mark.no_cover
@pytest.mark.postgres
@pytest.mark.timeout(LONG)
@pytest.mark.usefixtures("scope_gone")
@pytest.mark.parametrize("share", SHARES)
async def test_the_database_alone_holds(
    share: int, stage_on_server: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    attacks = [attack for attack in ATTACKS if attack.reaches and attack.group not in _STOPPED]
    report = await play_all(stage_on_server, attacks[share :: len(SHARES)])
    with capsys.disabled():
        sys.stdout.write(f"{report}\n")
    assert (report.leaks, report.writes) == ([], [])
    assert report.calls > 2_000 / len(SHARES)


@pytest.mark.usefixtures("scope_gone")
async def test_with_no_wall_at_all_an_attack_reaches_another(stage_on_file: Stage) -> None:
    """SQLite has no wall of its own: what holds above is the scope here, and PostgreSQL there."""
    names = {"an appointment's number, of a patient", "a patient's number, of a patient"}
    report = await play_all(stage_on_file, [each for each in ATTACKS if each.name in names])
    assert report.groups.total() == 2
    assert any("time of victim 0" in leak for leak in report.leaks), report.faults
    assert any("family name of victim 0" in leak for leak in report.leaks), report.faults
