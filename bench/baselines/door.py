"""Where a baseline listens, and how it says so."""

from __future__ import annotations

import os
import socket


def listen() -> socket.socket:
    """Return a socket that listens on PORT, having said where that is."""
    port = int(os.environ["PORT"])  # noqa: TID251 - a program of its own
    listening = socket.create_server(("127.0.0.1", port), backlog=4096)
    host, port = listening.getsockname()
    print(f"Serving on http://{host}:{port}", flush=True)
    return listening
