"""What can go wrong at the clinic's database, in terms of the clinic."""

from __future__ import annotations

from typing import Literal

from assistant.tool import ToolRefusedError

Whose = Literal["practitioner", "patient"]


class ClinicUnavailableError(ToolRefusedError):
    """The database does not answer, or not in time; nothing was changed.

    As a refusal, so that a tool which lets it pass tells the model just that.
    """

    code = "clinic_unavailable"

    def __init__(self) -> None:
        super().__init__(
            "The clinic's records cannot be reached right now, and nothing was changed. "
            "Say so, and offer to try again in a moment or to phone the clinic."
        )


class UnusableTextError(ToolRefusedError):
    """A text is longer than its column, or has characters that PostgreSQL does not keep."""

    def __init__(self) -> None:
        super().__init__(
            "Some of the text cannot be used, and nothing was changed: make it shorter, in "
            "letters, digits and punctuation alone."
        )


class CommitLostError(Exception):
    """The database went away while it was asked to commit: whether it did is not known."""


class TakenError(Exception):
    """Somebody else was faster: the time is taken.

    Attributes:
        whose: in whose day the time is taken.
    """

    def __init__(self, whose: Whose) -> None:
        super().__init__(f"this time of the {whose} is taken")
        self.whose: Whose = whose


class OutOfReachError(Exception):
    """Something was asked of the database that this principal has no part in."""
