"""The web: HTTP and WebSocket doors to the runs."""

from __future__ import annotations

from assistant.web.app import create_app, create_worker_app
from assistant.web.listener import Listener
from assistant.web.middleware import Identify

__all__ = ["Identify", "Listener", "create_app", "create_worker_app"]
