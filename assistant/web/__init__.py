"""The web: HTTP and WebSocket doors to the runs."""

from __future__ import annotations

from assistant.web.app import create_app
from assistant.web.listener import Listener

__all__ = ["Listener", "create_app"]
