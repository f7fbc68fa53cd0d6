"""Everything that handlers find on the application and on a request, typed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from aiohttp import web

from assistant.models import Principal, now
from assistant.settings import AuthMode, Settings
from assistant.telemetry.measures import Measures
from assistant.web.closing import Closing
from assistant.web.routing import Access
from assistant.web.vitals import Looking
from assistant.wiring import Parts


@dataclass(slots=True)
class Life:
    """How the server is doing.

    Attributes:
        closing: set when streams are to end because the server goes.
        open: connections that are open now, by kind (`sse`, `websocket`, `json`).
        left: set when one of them has ended; for whoever clears it and waits.
        total: the same since the start.
    """

    started_at: datetime = field(default_factory=now)
    closing: Closing = field(default_factory=Closing)
    open: Counter[str] = field(default_factory=Counter)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    total: Counter[str] = field(default_factory=Counter)


Identify = Callable[[web.Request], Awaitable[Principal]]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who says on whose behalf a request is made.

    Attributes:
        identify: says it; may raise any of our errors.
        mode: the setting, or `application` where the embedding program says it.
        demo_switch: whether a local user may act as the demo patient or staff.
    """

    identify: Identify
    mode: AuthMode | Literal["application"]
    demo_switch: bool = False


SETTINGS = web.AppKey("SETTINGS", Settings)
PARTS = web.AppKey("PARTS", Parts)
LIFE = web.AppKey("LIFE", Life)
METRICS = web.AppKey("METRICS", Measures)
VITALS = web.AppKey("VITALS", Looking)
IDENTITY = web.AppKey("IDENTITY", Identity)
RULES = web.AppKey("RULES", dict[web.AbstractRoute, Access])

CORRELATION_ID = web.RequestKey("CORRELATION_ID", str)
PRINCIPAL = web.RequestKey("PRINCIPAL", Principal)
ERROR_CODE = web.RequestKey("ERROR_CODE", str)
EXPIRES_AT = web.RequestKey("EXPIRES_AT", float)
"""When the principal's token ends, in seconds since 1970, where it does."""
