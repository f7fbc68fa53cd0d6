"""The search knows a value again however it is dressed up, and nothing else."""

from __future__ import annotations

import base64
import json
from datetime import date
from urllib.parse import quote

import pytest

from tests.clinic.attacks.canaries import Search
from tests.clinic.attacks.world import World, a_world

WORLD = a_world()
SEARCH = Search(WORLD.canaries)
VICTIM = next(row for row in WORLD.rows["patients"] if row["id"] == WORLD.victims[0])
NAME: str = VICTIM["family_name"]


def _found(text: str) -> set[str]:
    return {str(canary) for canary in SEARCH.find(text)}


@pytest.mark.parametrize(
    "dressed",
    [
        NAME,
        NAME.upper(),
        " ".join(NAME),
        "\u200b".join(NAME),
        "-".join(NAME.lower()),
        NAME[::-1],
        f"ab{NAME[1:8]}cd",
        json.dumps(NAME),
        "".join(f"\\u{ord(letter):04x}" for letter in NAME),
        "".join(f"\\\\u{ord(letter):04X}" for letter in NAME),
        "".join(f"&#{ord(letter)};" for letter in NAME),
        "".join(f"%{ord(letter):02x}" for letter in NAME),
        quote(f"name={NAME}&x"),
        "".join(chr(ord(letter) + 0xFEE0) for letter in NAME),
        NAME.encode().hex(),
        f"{NAME[:4]}\n{NAME[4:]}",
        json.dumps(list(NAME)),
    ],
)
def test_a_name_in_disguise_is_found(dressed: str) -> None:
    assert "family name of victim 0" in _found(f"before {dressed} after")


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz"])
@pytest.mark.parametrize("case", [str.lower, str.upper, str.capitalize])
def test_a_name_inside_of_base64_is_found(before: str, case: object) -> None:
    assert callable(case)
    code = base64.b64encode(f"{before}{case(NAME)} and more".encode()).decode()
    assert "family name of victim 0" in _found(code)
    assert "family name of victim 0" in _found(f"{code[:9]}\n{code[9:]}")


@pytest.mark.parametrize("what", ["given_name", "email", "phone", "notes", "id"])
def test_each_value_of_a_patient_is_found(what: str) -> None:
    names = {"id": "number", "given_name": "given name"}
    assert f"{names.get(what, what)} of victim 0" in _found(VICTIM[what])


def test_days_and_times_are_found_in_any_order() -> None:
    day: date = VICTIM["date_of_birth"]
    for told in ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d %b %Y", "%B %d, %Y", "%A, %d %B %Y"):
        assert "born of victim 0" in _found(f"{day:{told}}"), told
    at = next(row["starts_at"] for row in WORLD.rows["appointments"])
    assert "time of victim 0" in _found(at.isoformat())
    assert "time of victim 0" in _found(f"on {at:%Y-%m-%d} at {at:%H:%M}")


def test_the_last_digits_of_a_number_are_no_give_away() -> None:
    assert _found(VICTIM["phone"][-4:]) == set()


def test_what_is_everybodys_is_nobodys_value() -> None:
    shown = {k: v for k, v in WORLD.rows.items() if k in {"practitioners", "facts", "services"}}
    assert _found(json.dumps(shown, default=str)) == set()
    mallory = [row for row in WORLD.rows["patients"] if row["id"] == "P-700001"]
    assert _found(json.dumps(mallory, default=str)) == {"notes of P-700001"}


def test_all_values_of_victims_are_canaries() -> None:
    """Take every canary away: what is left of the victims' rows must tell nothing."""
    world: World = a_world()
    for table in ("patients", "appointments", "changes", "waiting"):
        for row in world.rows[table]:
            if row.get("patient_id", row["id"]) in world.victims:
                values = [str(value) for value in row.values() if _is_personal(value)]
                assert all(_found(value) for value in values), (table, values)


def _is_personal(value: object) -> bool:
    known = {"", "None", "D-1", "S-1", "L-1", "I-1", "booked", "completed", "run_before"}
    return isinstance(value, str) and value not in known
