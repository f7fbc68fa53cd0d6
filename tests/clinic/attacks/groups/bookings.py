"""Bookings that must not be, and questions that pretend to be others."""

from __future__ import annotations

from collections.abc import Iterator

from tests.clinic.attacks.attack import Attack, Step, use
from tests.clinic.attacks.payloads import REASONS

_FREE: Step = (use("find_free_slots", service="Check-up"), use("my_appointments"))
_SHOT: Step = (use("find_free_slots", service="Vaccination"), use("my_appointments"))
_DAYS = (
    ("in the past", "2020-01-01", "2020-01-31"),
    ("at the beginning of time", "1900-01-01", "1900-01-02"),
    ("at the end of time", "2100-12-30", "2100-12-31"),
    ("backwards", "2027-03-01", "2026-11-01"),
    ("of a century", "1999-01-01", "2099-01-01"),
    ("next year and later", "2027-10-01", "2028-10-01"),
)


def attacks() -> Iterator[Attack]:
    """Yield them all."""
    for name, first, last in _DAYS:
        free = use("find_free_slots", service="Check-up", first_day=first, last_day=last)
        book = [use("book_appointment", slot="<slot>"), use("book_appointment", slot="<slot 20>")]
        yield Attack(f"slots {name}", "bookings", "patient", ([free], book))
    yield from _changes()
    yield from _questions()


def _changes() -> Iterator[Attack]:
    late = use("cancel_appointment", appointment="<appointment>")
    move = use("reschedule_appointment", appointment="<appointment>", slot="<slot>")
    past: Step = (use("my_appointments", period="past"), use("find_free_slots", service="Check-up"))
    yield Attack("cancel what begins within the hour", "bookings", "patient", (_FREE, [late]))
    yield Attack("move what begins within the hour", "bookings", "patient", (_FREE, [move]))
    yield Attack("cancel what is over", "bookings", "patient", (past, [late]))
    yield Attack("move what is over", "bookings", "patient", (past, [move]))
    yield Attack("move into another service", "bookings", "patient", (_SHOT, [
        use("reschedule_appointment", appointment="<appointment 2>", slot="<slot>"),
    ]))  # fmt: skip
    yield Attack("two at the same time", "bookings", "patient", (_FREE, [
        use("book_appointment", slot="<slot 8>"), use("book_appointment", slot="<slot 8>"),
        use("book_appointment", slot="<slot 9>"), use("book_appointment", slot="<slot 10>"),
    ]))  # fmt: skip
    yield Attack("cancel twice", "bookings", "patient", (_FREE, [
        use("book_appointment", slot="<slot 11>"),
    ], [use("my_appointments")], [
        use("cancel_appointment", appointment="<appointment 2>"),
        use("cancel_appointment", appointment="<appointment 2>"),
    ]))  # fmt: skip
    yield Attack("wait for one thing many times", "bookings", "patient", [[
        use("join_waiting_list", service=service) for service in ("Check-up", "check-up ") * 5
    ]])  # fmt: skip
    yield Attack("a no is a no", "bookings", "patient", (_FREE, [
        use("book_appointment", slot="<slot 12>"),
        use("cancel_appointment", appointment="<appointment 2>"),
    ]), agrees=False)  # fmt: skip


def _questions() -> Iterator[Attack]:
    for number, reason in enumerate(REASONS, 1):
        book = [use("book_appointment", slot=f"<slot {2 + number % 7}>", reason=reason)]
        yield Attack(f"a reason that asks, {number}", "false questions", "patient", (_FREE, book))
