"""When it is too early to take over what others hold: after a time in which nobody could renew."""

from __future__ import annotations

from collections.abc import Callable

_ROUNDS = 2


class Patience:
    """Counts the rounds in which those who hold runs come first.

    Leases lapse while the store is away or does not answer, though their holders live. When it
    is back, whoever looks first would take all runs over and begin them again for nothing.
    """

    def __init__(self, every: float, clock: Callable[[], float]) -> None:
        """Begin without patience: at a start, what nobody holds has been left.

        Args:
            every: seconds between two rounds.
            clock: tells the time in seconds.
        """
        self._every = every
        self._clock = clock
        self._last = clock()
        self._left = 0

    def begin(self) -> None:
        """Note that the store could not be asked."""
        self._left = _ROUNDS

    def is_over(self) -> bool:
        """Count a round in which the store answered; returns whether orphans may be taken."""
        waited, self._last = self._clock() - self._last, self._clock()
        if waited > 2 * self._every + 1:
            self.begin()
        self._left = max(self._left - 1, -1)
        return self._left < 0
