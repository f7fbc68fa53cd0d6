"""The web: HTTP and WebSocket doors to the runs."""

from __future__ import annotations

from assistant.web.app import create_app, create_worker_app
from assistant.web.keys import Identify
from assistant.web.listener import Listener

__all__ = ["Identify", "Listener", "create_app", "create_worker_app"]
