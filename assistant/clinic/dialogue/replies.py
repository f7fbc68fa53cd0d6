"""Reads what the clinic's tools tell: rows of records, a note beside them, or a sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

Row = Mapping[str, Any]

_DONE = ("Booked:", "Moved:", "Cancelled:", "On the waiting list")
_WHEN = re.compile(r"(\d{1,2} [A-Z][a-z]{2} \d{4}), (\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a tool told.

    Attributes:
        rows: records, the most useful first.
        text: the note beside the rows, or the sentence where that is all.
        more: how many rows there are besides.
        found: whether it told rows of its own accord, even if none; a refusal may bring some too.
    """

    rows: tuple[Row, ...] = ()
    text: str = ""
    more: int = 0
    found: bool = False

    @property
    def is_done(self) -> bool:
        """Whether it tells of something that has been changed."""
        return self.text.startswith(_DONE)


def reply_of(output: str) -> Reply:
    """Return a tool's output as a reply."""
    sentence, brace, rest = output.partition("{")
    told = _object(brace + rest)
    if told is None:
        return Reply(text=output.strip())
    listed = told.get("rows")
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    note = str(told.get("note") or "")
    more = told.get("more")
    return Reply(
        tuple(rows),
        " ".join(part for part in (sentence.strip(), note) if part),
        more if isinstance(more, int) else 0,
        found=not sentence.strip(),
    )


def kind_of(row: Row) -> str:
    """Return what a row is: its first key that names a record."""
    kinds = ("slot", "appointment", "practitioner", "patient")
    return next((kind for kind in kinds if isinstance(row.get(kind), str) and _is(kind, row)), "")


def line(row: Row) -> str:
    """Return a row as people read it in a list."""
    match kind_of(row):
        case "slot":
            return f"{row.get('when')}, {row.get('practitioner')}, {row.get('location')}"
        case "appointment":
            return _appointment(row)
        case "practitioner":
            languages = _joined(row.get("languages"))
            spoken = f", speaks {languages}" if languages else ""
            return f"{row.get('name')}, {row.get('specialty')}{spoken}"
        case "patient":
            phone = f", phone ending in {row['phone_end']}" if row.get("phone_end") else ""
            return f"{row.get('name')}, born {row.get('born')}{phone}"
        case _:
            return _unnamed(row)


def _unnamed(row: Row) -> str:
    if "since" in row:
        whom = f"{row.get('service')} with {row.get('practitioner')}"
        return f"{_whose(row)}{whom}, since {row['since']}"
    service = str(row.get("service") or "")
    return (
        f"{service} ({row['minutes']} minutes, {row.get('price')})" if "minutes" in row else service
    )


def moment(row: Row) -> tuple[date, time] | None:
    """Return the local day and time of a slot or an appointment."""
    found = _WHEN.search(str(row.get("when", "")))
    if found is None:
        return None
    # Compared with local words of the same clinic only, so a zone would say nothing.
    at = datetime.strptime(f"{found[1]} {found[2]}", "%d %b %Y %H:%M")  # noqa: DTZ007
    return at.date(), at.time()


def _is(kind: str, row: Row) -> bool:
    # A slot and an appointment name their practitioner by name, not by a handle.
    return kind != "practitioner" or "specialty" in row


def _appointment(row: Row) -> str:
    told = f"{row.get('when')}: {_whose(row)}{row.get('service')}"
    told += f" with {row.get('practitioner')}, {row.get('location')}"
    state = row.get("state")
    return told if state in {None, "booked"} else f"{told} ({state})"


def _whose(row: Row) -> str:
    patient = row.get("patient")
    return f"{patient.get('name')}, " if isinstance(patient, dict) else ""


def _joined(words: object) -> str:
    found = [str(word) for word in words] if isinstance(words, list) else [str(words or "")]
    return " and ".join(
        part for part in (", ".join(found[:-1]), found[-1] if found else "") if part
    )


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
