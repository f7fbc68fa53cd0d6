"""All attacks by name."""

from __future__ import annotations

from tests.clinic.attacks.attack import Attack
from tests.clinic.attacks.groups import bookings, names, others, pages, sizes, sql

ATTACKS: tuple[Attack, ...] = (
    *sql.attacks(),
    *others.attacks(),
    *names.attacks(),
    *pages.attacks(),
    *sizes.attacks(),
    *bookings.attacks(),
)
