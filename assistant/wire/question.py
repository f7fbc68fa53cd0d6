"""The question form: the frames of a one-off question, in a shape of their own."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from assistant.events import (
    Entry,
    MessageDelta,
    MessageStarted,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunStarted,
)
from assistant.models import Run

_encode = msgspec.json.Encoder().encode


def frame(run: Run, entry: Entry) -> bytes:  # noqa: ARG001 - all wires have one signature
    """Return the frame of one entry, or nothing where this form has none."""
    return b"".join(b"data: %b\n\n" % _encode(body) for body in _bodies(entry))


def _bodies(entry: Entry) -> Iterator[dict[str, str]]:
    match entry.event:
        case RunStarted(attempt=1):
            yield {"status": "processing"}
        case RunStarted(text=text):
            # So far exactly this has been said; what was shown after it is void.
            yield {"status": "processing", "chunk": text}
        case MessageStarted(index=index) if index:
            yield {"status": "streaming", "chunk": "\n\n"}
        case MessageDelta(text=text):
            yield {"status": "streaming", "chunk": text}
        case RunCompleted(text=text):
            yield {"status": "completed", "chunk": text}
        case RunFailed(message=message):
            yield {"status": "error", "message": message}
        case RunCancelled():
            yield {"status": "error", "message": "The answer was stopped."}
        case _:
            pass
