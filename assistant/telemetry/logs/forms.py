"""The two forms of a line: JSON for machines, and one for a developer's terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

LONGEST = 65_536
"""Bytes of one line."""

_LEAD = ("timestamp", "level", "event", "logger")
# Control characters that JSON leaves as they are, line ends among them, and those that turn the
# order of what follows round: none reaches a terminal, or a program that reads by lines.
_ESCAPES = {
    code: f"\\u{code:04x}"
    for code in (*range(0x7F, 0xA0), 0x061C, *range(0x200B, 0x2010), *range(0x2028, 0x202F))
} | {code: f"\\u{code:04x}" for code in (*range(0x2060, 0x2070), 0xFEFF)}
_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "1;31"}


def json(line: dict[str, Any]) -> bytes:
    """Return a line as one JSON object, which no text in it can break."""
    text = msgspec.json.encode(line)
    if not text.isascii() or b"\x7f" in text:
        text = text.decode().translate(_ESCAPES).encode()
    if len(text) <= LONGEST:
        return text
    own = {name: line[name] for name in _LEAD if name in line}
    return json(own | {"event": str(own.get("event"))[:100], "log_fault": f"{len(text)} bytes"})


def console(*, colours: bool) -> Callable[[dict[str, Any]], bytes]:
    """Return the form for a terminal: one line an event, and its exceptions below it."""

    def render(line: dict[str, Any]) -> bytes:
        exceptions = line.pop("exception", ())
        time, level, event, name = (str(line.pop(lead, "")) for lead in _LEAD)
        first = f"{time[11:23]} {_painted(level)} {_shown(event)}"
        fields = [f"{_shown(key)}={_shown(value)}" for key, value in line.items()]
        rows = ["  ".join([first, " ".join(fields), f"[{_shown(name)}]"]), *_told(exceptions)]
        return "\n".join(rows).encode()[:LONGEST].decode(errors="ignore").encode()

    def _painted(level: str) -> str:
        padded = f"{level:8}"
        return f"\x1b[{_COLOURS.get(level, '0')}m{padded}\x1b[0m" if colours else padded

    return render


def _shown(value: Any) -> str:
    """Return a value without control characters, in quotes where it has spaces."""
    if isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value:
        return value
    text = msgspec.json.encode(value).decode().translate(_ESCAPES)
    plain = isinstance(value, str) and value.isprintable() and " " not in value
    return text[1:-1] if plain else text


def _told(exceptions: Any) -> list[str]:
    if not isinstance(exceptions, list | tuple):
        return [f"    {_shown(exceptions)}"]
    rows = []
    for told in exceptions:
        facts = told if isinstance(told, dict) else {"type": told}
        words = [_bare(facts[name]) for name in ("as", "type") if name in facts]
        words += [_shown(facts[name]) for name in ("message", "code") if name in facts]
        rows.append(f"    {' '.join(words)}")
        rows += [f"        {_bare(frame)}" for frame in facts.get("at", ())]
    return rows


def _bare(value: Any) -> str:
    """Return a value without control characters and without quotes."""
    return _shown(value).removeprefix('"').removesuffix('"')
