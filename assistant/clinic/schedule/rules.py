"""The clinic's rules of time: how far ahead one can book, and how late one can change."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from assistant.clinic.schedule.directory import Location
from assistant.clinic.schedule.wording import day_words
from assistant.tool import ToolRefusedError

LEAD = timedelta(minutes=30)
"""An appointment is booked at least this long before it begins."""

AHEAD = timedelta(days=180)
"""An appointment is booked at most this long before it begins."""

NOTICE = timedelta(hours=2)
"""A patient changes an appointment online until this long before it begins."""

SPAN = timedelta(days=62)
"""The longest time to look for free times in at once."""


def check_bookable(starts_at: datetime, now: datetime, zone: tzinfo) -> None:
    """Check that an appointment at that time can be booked now.

    Raises:
        ToolRefusedError: when it is past, too soon or too far away.
    """
    if starts_at < now + LEAD:
        message = (
            "That time is past, or too soon: booking ends 30 minutes before. Look for another."
        )
        raise ToolRefusedError(message)
    if starts_at > now + AHEAD:
        last = day_words((now + AHEAD).astimezone(zone))
        message = f"That is too far ahead: appointments can be booked until {last}."
        raise ToolRefusedError(message)


def check_changeable(starts_at: datetime, now: datetime, place: Location, *, staff: bool) -> None:
    """Check that an appointment can still be moved or cancelled.

    Raises:
        ToolRefusedError: when it has begun, or is too near for a patient to do so online.
    """
    if starts_at <= now:
        message = "That appointment is past or has begun; it cannot be changed any more."
        raise ToolRefusedError(message)
    if not staff and starts_at - now < NOTICE:
        message = (
            "Less than 2 hours before it begins an appointment cannot be changed online. Please "
            f"phone {place.name}: {place.phone}."
        )
        raise ToolRefusedError(message)
