"""The clinic's tools: each sees and changes what the principal of its call may, and no more."""

from __future__ import annotations

from typing import Any

from assistant.clinic.records.database import Clinic
from assistant.clinic.tools import booking, facts, finding, own, staff, waiting
from assistant.clinic.tools.pieces import Piece, tool_of
from assistant.tool import Tools

__all__ = ["clinic_tools"]

_PIECES: tuple[Piece[Any], ...] = (
    *facts.PIECES,
    *finding.PIECES,
    *own.PIECES,
    *booking.PIECES,
    *waiting.PIECES,
    *staff.PIECES,
)


def clinic_tools(clinic: Clinic) -> Tools:
    """Return the tools of a clinic by their names."""
    return {piece.name: tool_of(clinic, piece) for piece in _PIECES}
