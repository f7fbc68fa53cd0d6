"""What an attacker could have found out or guessed: others' numbers, and names told to others."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import insert

from assistant.clinic.records import schema
from assistant.clinic.records.handles import scope_of
from assistant.models import Principal
from assistant.tool import Call
from tests.clinic.attacks import snapshot
from tests.clinic.attacks.attack import Attack, Step, look, use
from tests.clinic.attacks.groups.arguments import NAMES_RECORDS
from tests.clinic.attacks.hostile import names_in
from tests.clinic.attacks.world import PATIENT, STAFF, VISITOR, ZONE, World

if TYPE_CHECKING:
    from tests.clinic.attacks.stage import Stage

_OLD = "0dd0dd00"


def numbers(world: World) -> dict[str, str]:
    """Return the first victim's numbers, and the days on which they come."""
    victim = next(row for row in world.rows["patients"] if row["id"] == world.victims[0])
    mine = world.of("appointments", world.victims[0])
    days = [row["starts_at"].astimezone(ZoneInfo(ZONE)).date().isoformat() for row in mine]
    return {
        "victim": victim["id"],
        "their id": mine[0]["id"],
        "their name": f"{victim['given_name']} {victim['family_name']}",
        "their email": victim["email"],
        "their day": days[0],
        "their day 2": days[1],
    }


async def look_round(stage: Stage) -> None:
    """Hold conversations as others, and remember which names of records were told in them."""
    stage.names = numbers(stage.world)
    people: list[tuple[str, Principal, Step]] = [
        ("their", stage.world.victim, (*look("patient"), use("open_record"))),
        ("other", PATIENT, look("patient")),
        ("visitor's", VISITOR, look("visitor")),
        ("staff's", STAFF, (*look("staff"), *_everything(stage.world))),
    ]
    names = dict(stage.names)
    for whose, who, calls in people:
        attack = Attack(f"as {whose}", "looking round", "patient", [calls])
        session = f"before-{whose.partition(chr(39))[0]}"
        played = await stage.play(attack, principal=who, session=session)
        assert not played.faults, played.faults
        names |= {f"{whose} {name}": told for name, told in names_in(played.outputs).items()}
    names |= {f"their {kind}": names[f"staff's {kind}"] for kind in ("patient", "patient 2")}
    stage.names = names | {f"old {kind}": f"{kind}_{_OLD}" for kind in NAMES_RECORDS}
    stage.foreign = {key[0] for key in (await snapshot.taken(stage.eyes))["handles"]}


def tellers(world: World) -> list[tuple[Principal, Step]]:
    """Return who can be told names of the victims' records, and by which calls."""
    return [(world.victim, look("patient")), (STAFF, _everything(world))]


def _everything(world: World) -> Step:
    patient = next(row for row in world.rows["patients"] if row["id"] == world.victims[0])
    days = numbers(world)
    return (
        use("find_patients", name=patient["family_name"]),
        use("day_schedule", day=days["their day"]),
        use("day_schedule", day=days["their day 2"]),
    )


async def plant_old(stage: Stage, session: str, who: Principal) -> None:
    """Have names of the victim's records in a conversation, too old to hold."""
    refs = {"appointment": stage.names["their id"], "patient": stage.names["victim"]}
    refs |= {"practitioner": "D-1", "slot": "D-1|S-1|L-1|2030-01-01T15:00:00+00:00"}
    scope = scope_of(Call("", "", "", "", who, session))
    rows = [
        {
            "scope": scope,
            "handle": f"{kind}_{_OLD}",
            "kind": kind,
            "ref": ref,
            "made_at": stage.world.today - timedelta(days=2),
        }
        for kind, ref in refs.items()
    ]
    async with stage.eyes.begin() as connection:
        await connection.execute(insert(schema.handles), rows)
