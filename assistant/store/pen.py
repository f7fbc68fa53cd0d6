"""The right to write one run's log: what waits to be written, and what is on its way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import structlog

from assistant import events
from assistant.changes import Change
from assistant.errors import LeaseLostError
from assistant.events import Entry, Event, MessageDelta
from assistant.models import Run
from assistant.store.tail import Tail

log = structlog.get_logger(__name__)

_ROOM = 2_000


class Pen:
    """The right to write one run's log from one process.

    `emit` never waits, so that it can be called while a run is being torn down; `room` is where
    a writer waits when the store cannot keep up, `drain` where it waits for acknowledgement.
    """

    def __init__(
        self,
        run: Run,
        token: str,
        next_sequence: int,
        tail: Tail,
        fill: Callable[[Pen], None] = lambda _: None,
    ) -> None:
        """Begin to write.

        Args:
            run: whose log it is.
            token: the attempt that holds the lease.
            next_sequence: number of the next entry.
            tail: is given what the store has acknowledged.
            fill: is called when there is something to take.
        """
        self.run = run
        self.token = token
        self.next_sequence = next_sequence
        self._pending: list[Event] = []
        self._sent: Sequence[Event] = ()
        self._in_flight: list[bytes] = []
        self._tail = tail
        self._fill = fill
        self._ends = False
        self._last: list[bytes] = []
        self._moved = Change()
        self.is_lost = False

    @property
    def channel(self) -> str:
        """Where what it writes is announced."""
        return self._tail.channel

    @property
    def idle(self) -> bool:
        """Whether everything emitted has been acknowledged."""
        return not self._pending and not self._in_flight

    @property
    def is_full(self) -> bool:
        """Whether `room` would wait, or raise."""
        return self.is_lost or len(self._pending) + len(self._in_flight) > _ROOM

    def emit(self, event: Event) -> None:
        """Queue an event; deltas of one message that wait together are joined."""
        if self.is_lost:
            # With what came before refused, this would be told with a hole before it.
            return
        last = self._pending[-1] if self._pending else None
        if (
            isinstance(event, MessageDelta)
            and isinstance(last, MessageDelta)
            and last.item_id == event.item_id
        ):
            self._pending[-1] = MessageDelta(event.item_id, last.text + event.text)
        else:
            self._pending.append(event)
        self._fill(self)

    async def room(self) -> None:
        """Wait while too much is unacknowledged.

        Raises:
            LeaseLostError: when another worker has taken the run over.
        """
        await self._until(_ROOM)

    async def drain(self) -> None:
        """Wait until everything emitted is acknowledged.

        Raises:
            LeaseLostError: when another worker has taken the run over.
        """
        await self._until(0)

    async def last_words(self, terminal: Event) -> list[bytes]:
        """Return all that is left to be sent, the end of the log last; the same again if asked.

        Whoever asks sends it, in one step with what follows from a run's end.

        Raises:
            LeaseLostError: when another worker has taken the run over.
        """
        if not self._ends:
            self._ends = True
            while self._in_flight:
                await self._moved.wait()
            self._pending.append(terminal)
            self._last = self._encoded()
        self._check_held()
        return self._last

    def end(self) -> None:
        """Pass on the last words, now that the store has them."""
        self._tell()

    def take(self) -> list[bytes]:
        """Return what is to be sent now, encoded once; the same again until it is settled."""
        if not self._in_flight and not self._ends:
            self._in_flight = self._encoded()
        return self._in_flight

    def _encoded(self) -> list[bytes]:
        """Return all that is pending, which counts as sent from now on."""
        encoded: list[bytes] = []
        self._sent = tuple(self._pending)
        try:
            encoded += [events.encode(event) for event in self._pending]
        except ValueError:
            # What cannot be written ends its own run, and must not hold up all others.
            log.exception("run.event.unwritable", run_id=self.run.run_id)
            self.settle(written=False)
        self._pending.clear()
        return encoded

    def settle(self, *, written: bool) -> None:
        """Note the store's answer: acknowledged, or refused for good."""
        if written:
            self._tell()
            self.next_sequence += len(self._sent)
        else:
            self.is_lost = True
            self._pending.clear()
            self._tail.leave_off()
        self._sent, self._in_flight = (), []
        self._moved.tell()
        self.wake()

    def wake(self) -> None:
        """Say that there is something to take, if there is."""
        if self._pending or self._in_flight:
            self._fill(self)

    def _tell(self) -> None:
        """Pass on what was sent, now that the store has it."""
        first = self.next_sequence
        self._tail.extend([Entry(first + i, event) for i, event in enumerate(self._sent)])

    async def _until(self, limit: int) -> None:
        while True:
            self._check_held()
            if len(self._pending) + len(self._in_flight) <= limit:
                return
            await self._moved.wait()

    def _check_held(self) -> None:
        if self.is_lost:
            detail = f"Run {self.run.run_id} is written by another worker now."
            raise LeaseLostError(detail)


def publication_head(run: Run) -> str:
    """Return the beginning of every publication of a run, up to its sequence number."""
    ids = {
        "run_id": run.run_id,
        "session_id": run.session_id,
        "correlation_id": run.correlation_id,
    }
    return msgspec.json.encode(ids).decode()[:-1] + ',"sequence":'
