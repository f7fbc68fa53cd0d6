"""Runs the server until it is told to stop, and then stops it without losing anything."""

from __future__ import annotations

import asyncio
import signal
import sys

import structlog
from aiohttp import web

from assistant.settings import Settings
from assistant.web import Listener, create_app
from assistant.web.keys import LIFE, PARTS

log = structlog.get_logger(__name__)

_LAST_LOOK = 0.5


async def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code.

    Then: new work is refused and `/health/ready` says so, runs may finish within the grace,
    what is left is given back for the next process, streams end with a word to come back.
    """
    app = create_app(settings)
    listener = Listener(app, settings)
    stop = _on_signals()
    await listener.setup()
    try:
        site = web.TCPSite(listener, settings.host, settings.port, backlog=1024)
        try:
            await site.start()
        except OSError as error:
            sys.stderr.write(
                f"assistant: PORT: cannot listen on {settings.host}:{settings.port} "
                f"({error.strerror}); stop what uses it, or choose another, such as PORT=8001\n"
            )
            return 1
        _announce(listener, app)
        await stop.wait()
        log.info("server.stopping")
        await app[PARTS].worker.drain(settings.shutdown_grace_seconds)
        if app[LIFE].open.total():
            # Those who follow what has just ended read its end first.
            await asyncio.sleep(_LAST_LOOK)
        app[LIFE].closing.set()
    finally:
        await listener.cleanup()
    log.info("server.stopped")
    return 0


def _on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        # Who asks twice does not want to wait: the default takes over.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask)
    return stop


def _announce(listener: Listener, app: web.Application) -> None:
    host, port = listener.addresses[0][:2]
    parts = app[PARTS]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    log.info(
        "server.started",
        url=url,
        model=parts.engine.provider,
        store=parts.store.kind,
        personas=[persona.slug for persona in parts.personas],
    )
    what = {
        "demo": "demo model (scripted, no language model; set OPENAI_API_KEY for a real one)",
        "local": f"local model {parts.engine.model_name(parts.personas.get(None))}",
        "openai": f"model {parts.engine.model_name(parts.personas.get(None))}",
    }[parts.engine.provider]
    sys.stdout.write(f"Serving on {url} with the {what}\n")
    sys.stdout.flush()
