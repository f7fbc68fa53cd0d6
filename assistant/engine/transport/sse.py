"""Reads server-sent events out of bytes, in whatever pieces these come."""

from __future__ import annotations

_BOM = b"\xef\xbb\xbf"
_MOST = 16 << 20  # bytes of one event


class Events:
    """The events of one stream, of which only the data counts.

    Costs time in proportion to the bytes, however they are cut: what is not complete is looked at
    once, and joined once it is.
    """

    __slots__ = ("_after_cr", "_begun", "_kept", "_parts")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._kept = 0
        self._begun = False
        self._after_cr = False

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the data of the events that this piece completes.

        One without data is no event, says the standard; some servers send such to keep awake.

        Raises:
            ValueError: when an event does not end.
        """
        if not self._begun or self._after_cr or b"\r" in piece:
            piece = self._plain(piece)
        parts = self._parts
        if not parts and 0 < piece.find(b"\n\n") == len(piece) - 2:
            # One whole event, as most reads are.
            return [data] if (data := _data(piece[:-2])) else []
        if b"\n\n" not in piece and not (
            parts and piece[:1] == b"\n" and parts[-1].endswith(b"\n")
        ):
            if piece:
                self._keep(piece)
            return []
        if parts:
            piece = b"".join((*parts, piece))
            parts.clear()
        *blocks, rest = piece.split(b"\n\n")
        self._kept = 0
        if rest:
            self._keep(rest)
        return [data for block in blocks if (data := _data(block))]

    def _keep(self, piece: bytes) -> None:
        self._kept += len(piece)
        if self._kept > _MOST:
            detail = f"an event is longer than {_MOST >> 20} MiB, or never ends"
            raise ValueError(detail)
        self._parts.append(piece)

    def _plain(self, piece: bytes) -> bytes:
        """Return it with each line end as one LF, and without the mark that may begin a stream."""
        if not self._begun:
            piece = b"".join((*self._parts, piece))
            self._parts.clear()
            if len(piece) < len(_BOM) and _BOM.startswith(piece):
                self._parts.append(piece)
                return b""
            self._begun = True
            piece = piece.removeprefix(_BOM)
        if self._after_cr and piece:
            piece = piece.removeprefix(b"\n")
            self._after_cr = False
        if piece:
            self._after_cr = piece.endswith(b"\r")
        return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _data(block: bytes) -> bytes:
    """Return the data of an event's lines."""
    if block.startswith(b"data: ") and b"\n" not in block:
        return block[6:]
    lines = []
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        if name == b"data":
            lines.append(value.removeprefix(b" "))
    return b"\n".join(lines)
