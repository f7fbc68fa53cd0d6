"""Events are read out of bytes alike, however these are cut and whatever ends their lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.engine.transport.sse import Events

BOM = "\ufeff"
_TEXT = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1)
_EVENT = st.lists(_TEXT, min_size=1, max_size=3)
_BESIDES = st.sampled_from(
    [": keep-alive", "event: message", "id: 7", "retry: 10", "nonsense", ":"]
)


def read(*pieces: bytes) -> list[bytes]:
    events = Events()
    return [data for piece in pieces for data in events.feed(piece)]


@given(st.data())
def test_any_layout_in_any_pieces_gives_the_same_events(data: st.DataObject) -> None:
    events = data.draw(st.lists(_EVENT))
    end = data.draw(st.sampled_from(["\n", "\r", "\r\n"]))
    lines = []
    for event in events:
        lines += data.draw(st.lists(_BESIDES, max_size=2))
        lines += [data.draw(st.sampled_from(["data: ", "data:"])) + line for line in _bare(event)]
        lines += [""] * data.draw(st.integers(1, 3))
    raw = (data.draw(st.sampled_from(["", BOM])) + "".join(line + end for line in lines)).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)))))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert read(*pieces) == ["\n".join(_bare(event)).encode() for event in events]


def _bare(lines: list[str]) -> list[str]:
    """Return lines that a reader who takes away one leading space leaves as they are."""
    return [line.lstrip(" ") or "x" for line in lines]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_byte_by_byte(end: bytes) -> None:
    raw = end.join([b": hello", b"event: x", b"data: {", b"data: }", b"", b"data:two", b"", b""])
    assert read(*(raw[at : at + 1] for at in range(len(raw)))) == [b"{\n}", b"two"]


def test_of_leading_spaces_one_is_no_data() -> None:
    assert read(b"data:  x\n\ndata:y\n\n") == [b" x", b"y"]


def test_an_event_without_data_is_none() -> None:
    assert read(b"event: ping\n\ndata:\n\ndata\n\n: hi\n\n\n\ndata: x\n\n") == [b"x"]


def test_what_no_blank_line_ends_is_no_event() -> None:
    assert read(b"data: x\n\ndata: half\n") == [b"x"]


def test_a_mark_is_taken_away_at_the_beginning_only() -> None:
    mark = BOM.encode()
    assert read(mark[:1], mark[1:], b"data: x\n\n") == [b"x"]
    assert read(b"data: x\n\n", mark + b"data: y\n\n") == [b"x"]


def test_a_long_event_in_small_pieces_is_joined_once() -> None:
    line = b"x" * 64
    events = Events()
    parts = [b"data: ", *[line] * 20_000]
    assert not [data for part in parts for data in events.feed(part)]
    assert len(events._parts) == len(parts)
    assert events.feed(b"\n\n") == [line * 20_000]


def test_an_event_that_never_ends_is_not_kept_for_ever() -> None:
    events = Events()
    piece = bytes(1 << 20)
    assert [events.feed(piece) for _ in range(16)] == [[]] * 16
    with pytest.raises(ValueError, match="longer than 16 MiB"):
        events.feed(piece)
