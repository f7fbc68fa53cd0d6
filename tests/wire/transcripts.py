"""Whole transcripts: `tests/transcripts/<name>.jsonl`, and beside each its bytes on each wire.

After a change that is meant, `python -m tests.wire.transcripts` writes the bytes anew; then read
the difference before it is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from assistant.events import Entry
from assistant.models import Principal, Run, Turn
from assistant.wire import question, socket, sse

FOLDER = Path(__file__).parents[1] / "transcripts"
NAMES = sorted(path.stem for path in FOLDER.glob("*.jsonl"))
RUN = Run(
    run_id="run_0123456789abcdef01234567",
    session_id="ses_0123456789abcdef01234567",
    principal=Principal("visitor"),
    persona="web_assistant",
    version="0123456789ab",
    model="gpt-test",
    message_id="msg_0123456789abcdef01234567",
    correlation_id="abc-123",
    turn=Turn("Hello"),
    created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
)
_decode = msgspec.json.Decoder(Entry).decode


def _message(run: Run, entry: Entry) -> bytes:
    # Messages of a socket have their own frames; here a line end parts them.
    return socket.frame(run, entry) + b"\n"


WIRES: Mapping[str, Callable[[Run, Entry], bytes]] = {
    "sse": sse.frame,
    "question": question.frame,
    "socket": _message,
}


def entries(name: str) -> list[Entry]:
    """Return a transcript's log."""
    lines = (FOLDER / f"{name}.jsonl").read_bytes().splitlines()
    return [_decode(line) for line in lines]


def render(name: str, wire: str) -> bytes:
    """Return what a transcript is on a wire."""
    return b"".join(WIRES[wire](RUN, entry) for entry in entries(name))


def expected(name: str, wire: str) -> Path:
    """Return where the bytes are that a transcript must be."""
    return FOLDER / f"{name}.{wire}.txt"


if __name__ == "__main__":
    for each in NAMES:
        for kind in WIRES:
            expected(each, kind).write_bytes(render(each, kind))
