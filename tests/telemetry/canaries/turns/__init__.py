"""All turns that are played on a server, at every level and in every form of its log."""

from __future__ import annotations

from tests.telemetry.canaries.turn import Turn
from tests.telemetry.canaries.turns import bodies, doors, heads, models, people, sockets, talk

TURNS: tuple[Turn, ...] = (
    *doors.TURNS,
    *bodies.TURNS,
    *heads.TURNS,
    *models.TURNS,
    *talk.TURNS,
    *sockets.TURNS,
    *people.TURNS,
)
