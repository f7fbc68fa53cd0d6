"""Everything that handlers find on the application and on a request, typed."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web

from assistant.models import Principal, now
from assistant.settings import Settings
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
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    open: Counter[str] = field(default_factory=Counter)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    total: Counter[str] = field(default_factory=Counter)


SETTINGS = web.AppKey("SETTINGS", Settings)
PARTS = web.AppKey("PARTS", Parts)
LIFE = web.AppKey("LIFE", Life)

CORRELATION_ID = web.RequestKey("CORRELATION_ID", str)
PRINCIPAL = web.RequestKey("PRINCIPAL", Principal)
ERROR_CODE = web.RequestKey("ERROR_CODE", str)
