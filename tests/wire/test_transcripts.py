"""Each wire says a whole log in exactly the bytes that were read and found right."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pytest

from assistant import events
from assistant.events import Entry, Event
from assistant.wire import question, socket, sse
from tests.wire.transcripts import FOLDER, NAMES, RUN, WIRES, entries, expected, render


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", NAMES)
def test_the_bytes_are_those_that_were_checked(name: str, wire: str) -> None:
    assert render(name, wire) == expected(name, wire).read_bytes()


def test_every_event_occurs_and_nothing_else_lies_about() -> None:
    seen = {type(entry.event) for name in NAMES for entry in entries(name)}
    assert seen == set(Event.__args__)
    wanted = {f"{name}.jsonl" for name in NAMES}
    wanted |= {expected(name, wire).name for name in NAMES for wire in WIRES}
    assert {path.name for path in FOLDER.iterdir()} == wanted


@pytest.mark.parametrize("name", NAMES)
def test_a_transcript_is_a_log_as_the_store_keeps_it(name: str) -> None:
    lines = (FOLDER / f"{name}.jsonl").read_bytes().splitlines()
    for number, (line, entry) in enumerate(zip(lines, entries(name), strict=True)):
        assert line == b'{"sequence":%d,"event":%b}' % (number, events.encode(entry.event))
        assert entry.is_terminal == (number == len(lines) - 1)
        assert events.decode(events.encode(entry.event)) == entry.event


def _told(name: str, wire: str) -> list[dict[str, Any]]:
    text = render(name, wire).decode()
    if wire == "socket":
        return [json.loads(line) for line in text.splitlines()]
    frames = text.removesuffix("\n\n").split("\n\n")
    return [json.loads(frame.rpartition("data: ")[2]) for frame in frames]


@pytest.mark.parametrize("name", [name for name in NAMES if "takeover" not in name])
def test_all_wires_add_up_to_the_same_answer(name: str) -> None:
    last = entries(name)[-1].event
    told = "".join(frame["content"] for frame in _told(name, "sse"))
    chunks = [f["content"] for f in _told(name, "socket") if f["type"] == "response_chunk"]
    streamed = [f["chunk"] for f in _told(name, "question") if f["status"] == "streaming"]
    assert told == "".join(chunks) == "".join(streamed)
    if isinstance(last, events.RunCompleted):
        assert told == last.text


_STARTS: Mapping[str, Callable[[dict[str, Any]], bool]] = {
    "sse": lambda frame: frame["type"] == "run.started",
    "socket": lambda frame: frame["type"] == "response_start",
    "question": lambda frame: frame["status"] == "processing",
}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", NAMES)
def test_what_an_attempt_begins_with_and_what_follows_is_the_answer(name: str, wire: str) -> None:
    """What stood before the last beginning may be forgotten, whatever it was."""
    told = _told(name, wire)
    starts = [n for n, frame in enumerate(told) if _STARTS[wire](frame)]
    said = told[starts[-1]].get("chunk" if wire == "question" else "text", "")
    for frame in told[starts[-1] + 1 :]:
        if wire == "sse" or frame.get("type") == "response_chunk":
            said += frame["content"]
        elif frame.get("status") == "streaming":
            said += frame["chunk"]
    last = entries(name)[-1].event
    if isinstance(last, events.RunCompleted):
        assert said == last.text


def test_a_client_that_drops_discarded_messages_holds_what_the_next_attempt_begins_with() -> None:
    for name in NAMES:
        items: dict[str, str] = {}
        for frame in _told(name, "sse"):
            if frame["type"] == "message.discarded":
                del items[frame["item_id"]]
            elif frame["type"] == "run.started":
                assert frame["text"] == "".join(items.values())
            elif frame["content"]:
                item = frame["item_id"]
                items[item] = items.get(item, "") + frame["content"]


@pytest.mark.parametrize("name", ["approval", "queued"])
def test_who_waits_is_told_so(name: str) -> None:
    statuses = {frame["type"]: frame["status"] for frame in _told(name, "sse")}
    kinds = {frame["type"] for frame in _told(name, "socket")}
    if name == "queued":
        assert statuses["run.queued"] == "processing"
        assert "queued" in kinds
        return
    assert statuses["approval.requested"] == "processing"
    assert {"approval_request", "approval_resolved"} < kinds
    for wire in ("sse", "socket"):
        asked = [frame for frame in _told(name, wire) if "expires_at" in frame]
        assert len(asked) == 2
        assert all(datetime.fromisoformat(frame["expires_at"]).tzinfo for frame in asked)


@pytest.mark.parametrize("name", NAMES)
def test_every_sse_frame_has_the_eight_fields_and_no_line_within(name: str) -> None:
    fields = "type status content sequence is_final run_id session_id correlation_id".split()  # noqa: SIM905
    for entry in entries(name):
        raw = sse.frame(RUN, entry)
        head, data, *rest = raw.split(b"\n")
        assert (head, rest) == (b"id: %d" % entry.sequence, [b"", b""])
        frame = json.loads(data.removeprefix(b"data: "))
        assert list(frame)[:8] == fields
        assert frame["is_final"] == entry.is_terminal


def test_odd_text_stays_within_its_frame() -> None:
    text = 'a\r\n\n: b\u2028c"\\\x00\U0001f600é'
    entry = Entry(1, events.MessageDelta("msg_1", text))
    raw = sse.frame(RUN, entry)
    assert raw.count(b"\n") == 3
    assert b"\r" not in raw
    assert json.loads(raw.rpartition(b"data: ")[2])["content"] == text
    assert json.loads(question.frame(RUN, entry).removeprefix(b"data: "))["chunk"] == text
    assert json.loads(socket.frame(RUN, entry))["content"] == text


def test_what_is_said_beside_the_log() -> None:
    assert sse.HEARTBEAT == b": heartbeat\n\n"
    assert sse.closing(500).startswith(b"retry: 500\n")
    assert sse.closing(500).endswith(b"\n\n")
    told = json.loads(socket.error("No.", "bad", "cor", run_id="run_1"))
    assert told == {
        "type": "error",
        "message": "No.",
        "code": "bad",
        "correlation_id": "cor",
        "run_id": "run_1",
    }
