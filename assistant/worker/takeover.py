"""What a crashed attempt left in the log: made void, closed, or still good."""

from __future__ import annotations

from typing import NamedTuple

from assistant.events import (
    ApprovalRequested,
    ApprovalResolved,
    Event,
    MessageDiscarded,
    MessageStarted,
    ToolCalled,
    ToolReturned,
)
from assistant.store import Store
from assistant.worker.record import patiently


class Left(NamedTuple):
    """What is to be done about an earlier attempt.

    Attributes:
        closing: events that end what it left open.
        told: calls, by our id, whose return it has told.
    """

    closing: list[Event]
    told: frozenset[str]


async def left_behind(store: Store, run_id: str, after: int) -> Left:
    """Return what was left in a run's log after number `after`, where the good part ends."""
    left: dict[str, Event] = {}
    told: set[str] = set()
    while entries := await patiently(store.log.read, run_id, after):
        after = entries[-1].sequence
        for entry in entries:
            _note(entry.event, left, told)
    return Left(list(left.values()), frozenset(told))


def _note(event: Event, left: dict[str, Event], told: set[str]) -> None:
    match event:
        case MessageStarted(item_id=item_id):
            left[item_id] = MessageDiscarded(item_id)
        case ToolCalled(call_id=call_id, name=name):
            left[call_id] = ToolReturned(call_id, name, "error", 0)
        case ApprovalRequested(call_id=call_id, name=name):
            left[f"approval {call_id}"] = ApprovalResolved(call_id, name, "cancelled")
        case ApprovalResolved(call_id=call_id):
            left.pop(f"approval {call_id}", None)
        case ToolReturned(call_id=closed):
            told.add(closed)
            left.pop(closed, None)
        case MessageDiscarded(item_id=closed):
            left.pop(closed, None)
        case _:
            pass
