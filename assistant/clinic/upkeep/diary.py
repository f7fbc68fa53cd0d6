"""The demo clinic's appointments: two months that are over, and six weeks to come."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from assistant.clinic.records.schema import GRID
from assistant.clinic.schedule.calendar import steps
from assistant.clinic.upkeep.demo import Row, Rows

_PAST = range(-60, 0)
_COMING = range(45)
_BUSY_DAYS = 14
_QUIET, _BUSY = (0, 0, 1), (0, 1, 2)
"""How many appointments are tried for in a shift: always few enough that times stay free."""

_ENDED = ("completed",) * 11 + ("missed", "cancelled")
_TO_COME = ("booked",) * 11 + ("cancelled",)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Diary:
    """Books invented appointments, never two at one time for anybody.

    Attributes:
        rows: of `appointments` and all that hangs on them, by table.
        midnight: when the demo's today begins: what is before is over.
    """

    def __init__(
        self,
        chance: random.Random,
        public: Rows,
        today: date,
        zone: ZoneInfo,
        *,
        reasons: Sequence[str],
    ) -> None:
        self.midnight = datetime.combine(today, time(), zone).astimezone(UTC)
        names = ("appointments", "taken_times", "patient_times", "changes")
        self.rows: Rows = {name: [] for name in names}
        self._chance = chance
        self._public = public
        self._today = today
        self._zone = zone
        self._reasons = reasons
        self._minutes = {row["id"]: row["minutes"] for row in public["services"]}
        self._held: set[tuple[str, datetime]] = set()

    def book_demo_patient(self, patient: str) -> None:
        """Book one appointment that is over, and two to come."""
        self._book_first(patient, "D-osei", "S-check-up", range(-21, -40, -1))
        self._book_first(patient, "D-osei", "S-follow-up", range(3, 20))
        self._book_first(patient, "D-mbeki", "S-blood", range(9, 30))

    def book_others(self, patients: Sequence[str]) -> None:
        """Book for others, here and there."""
        given = self._public["practitioner_services"]
        for who in self._public["practitioners"]:
            services = [row["service_id"] for row in given if row["practitioner_id"] == who["id"]]
            for offset in (*_PAST, *_COMING):
                tries = _BUSY if 0 <= offset < _BUSY_DAYS else _QUIET
                for shift in self._shifts(who["id"], self._day(offset)):
                    for _ in range(self._chance.choice(tries)):
                        self._try(shift, offset, services, self._chance.choice(patients))

    def _book_first(self, patient: str, who: str, service: str, offsets: range) -> None:
        """Book on the first of the days on which somebody works, soon after they begin."""
        for offset in offsets:
            for shift in self._shifts(who, self._day(offset)):
                at = datetime.combine(self._day(offset), shift["starts"])
                state = "completed" if offset < 0 else "booked"
                self._add(shift, service, patient, at + timedelta(minutes=2 * GRID), state)
                return

    def _try(self, shift: Row, offset: int, services: Sequence[str], patient: str) -> None:
        """Book at any time of a shift, unless it is taken."""
        service = self._chance.choice(services)
        day = self._day(offset)
        first = datetime.combine(day, shift["starts"])
        room = datetime.combine(day, shift["ends"]) - first
        last = room // timedelta(minutes=GRID) - self._minutes[service] // GRID
        at = first + timedelta(minutes=GRID * self._chance.randrange(last + 1))
        state = self._chance.choice(_ENDED if offset < 0 else _TO_COME)
        self._add(shift, service, patient, at, state)

    def _add(self, shift: Row, service: str, patient: str, wall: datetime, state: str) -> None:
        starts = wall.replace(tzinfo=self._zone).astimezone(UTC)
        ends = starts + timedelta(minutes=self._minutes[service])
        who, key = shift["practitioner_id"], self._number()
        held = [(owner, at) for at in steps(starts, ends) for owner in (who, patient)]
        if not self._held.isdisjoint(held):
            return
        row = {
            "id": key,
            "patient_id": patient,
            "practitioner_id": who,
            "service_id": service,
            "location_id": shift["location_id"],
            "starts_at": starts,
            "ends_at": ends,
            "state": state,
            "reason": self._chance.choice(self._reasons),
        }
        self.rows["appointments"].append(row)
        self._note(row)
        if state == "cancelled":
            return
        self._held.update(held)
        for at in steps(starts, ends):
            taken = {"practitioner_id": who, "at": at, "appointment_id": key}
            self.rows["taken_times"].append(taken)
            own = {"patient_id": patient, "at": at, "appointment_id": key}
            self.rows["patient_times"].append(own)

    def _note(self, row: Row) -> None:
        """Write down what happened to an appointment, all of it before today."""
        booked = min(row["starts_at"], self.midnight) - timedelta(
            hours=self._chance.randrange(30, 400)
        )
        happened = [("booked", booked, "Booked by phone.")]
        if row["state"] == "cancelled":
            happened.append(("cancelled", booked + timedelta(hours=20), "Cancelled by phone."))
        for what, at, told in happened:
            self.rows["changes"].append(
                {
                    "id": f"change-{row['id']}-{what}",
                    "patient_id": row["patient_id"],
                    "appointment_id": row["id"],
                    "what": what,
                    "at": at,
                    "by": "staff:front-desk",
                    "run_id": "demo",
                    "effect_key": f"demo:{row['id']}:{what}",
                    "told": told,
                }
            )

    def _shifts(self, who: str, day: date) -> Iterator[Row]:
        for shift in self._public["working_hours"]:
            works = shift["practitioner_id"] == who and shift["weekday"] == day.weekday()
            if works and not any(_closes(row, shift, day) for row in self._public["closures"]):
                yield shift

    def _day(self, offset: int) -> date:
        return self._today + timedelta(days=offset)

    def _number(self) -> str:
        return "A-" + "".join(self._chance.choices(_ALPHABET, k=8))


def _closes(closure: Row, shift: Row, day: date) -> bool:
    return (
        closure["first_day"] <= day <= closure["last_day"]
        and closure["location_id"] in (None, shift["location_id"])
        and closure["practitioner_id"] in (None, shift["practitioner_id"])
    )
