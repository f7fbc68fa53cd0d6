"""The pieces that tools' arguments are made of: each text bounded, each day a real one."""

from __future__ import annotations

import re
from datetime import date, time
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    WithJsonSchema,
)

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}")


class Arguments(BaseModel):
    """Arguments of a tool: anything that is not named is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _written(pattern: re.Pattern[str], example: str) -> BeforeValidator:
    def check(value: Any) -> Any:
        # Left to itself pydantic takes numbers for days and times, too.
        text = value.strip() if isinstance(value, str) else ""
        if not pattern.fullmatch(text):
            message = f"write it like {example}"
            raise ValueError(message)
        return text

    return BeforeValidator(check)


def _of_our_time(day: date) -> date:
    if not 1900 <= day.year <= 2100:  # noqa: PLR2004 - a century's bounds name themselves
        message = "must lie between 1900 and 2100"
        raise ValueError(message)
    return day


def _none_if_blank(value: Any) -> Any:
    # Models write "" where they mean nothing.
    return None if isinstance(value, str) and not value.strip() else value


# The model's schema leaves lengths out: not every provider's strict mode takes them.
_TEXT = WithJsonSchema({"type": "string"})

Name = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True), _TEXT]
Handle = Annotated[
    str, StringConstraints(min_length=1, max_length=40, strip_whitespace=True), _TEXT
]
Reason = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True), _TEXT]
Day = Annotated[date, _written(_DAY, "2026-11-24: year, month, day"), AfterValidator(_of_our_time)]
WallTime = Annotated[time, _written(_TIME, "10:20"), _TEXT]

OptionalName = Annotated[Name | None, BeforeValidator(_none_if_blank)]
OptionalHandle = Annotated[Handle | None, BeforeValidator(_none_if_blank)]
OptionalReason = Annotated[Reason | None, BeforeValidator(_none_if_blank)]
OptionalDay = Annotated[Day | None, BeforeValidator(_none_if_blank)]
OptionalTime = Annotated[WallTime | None, BeforeValidator(_none_if_blank)]
