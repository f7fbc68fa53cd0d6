"""Who may be told what: written down here once more, apart from the code that decides it."""

from __future__ import annotations

from collections.abc import Callable

from assistant.models import Principal
from tests.clinic.attacks.canaries import Canary
from tests.clinic.attacks.world import MALLORY

FOR_STAFF = frozenset({"given name", "family name", "born", "reason", "time"})
"""What staff are told of anybody; never notes, numbers, whole telephone numbers or mail."""


def hidden_from(principal: Principal) -> Callable[[Canary], bool]:
    """Return what tells whether a value must not be told to somebody."""
    staff = "staff" in principal.roles

    def hidden(canary: Canary) -> bool:
        if staff:
            return canary.what not in FOR_STAFF
        if canary.owner == MALLORY and principal.subject == MALLORY:
            # The clinic's notes about somebody are not for a model to tell them either.
            return canary.what == "notes"
        return True

    return hidden
