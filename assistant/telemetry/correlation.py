"""Correlation ids: taken from the caller where they are well formed, else made."""

from __future__ import annotations

import re
from collections.abc import Mapping

from assistant.models import new_id
from assistant.telemetry.redaction import redact

_WELL_FORMED = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def correlation_id_from(headers: Mapping[str, str]) -> str:
    """Return the caller's `X-Correlation-ID` or `X-Request-ID`, or a fresh id.

    A malformed one is replaced, not repaired: it would end up in logs and headers. So is one that
    looks like a key or like somebody's number.
    """
    for name in ("X-Correlation-ID", "X-Request-ID"):
        given = headers.get(name, "")
        if _WELL_FORMED.fullmatch(given) and redact(given) == given:
            return given
    return new_id("cor")
