"""Runs the server until it is told to stop, and then stops it without losing anything."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

import structlog
from aiohttp import web

from assistant.cli.loop import run
from assistant.cli.memory import set_aside
from assistant.errors import SettingsError
from assistant.settings import Settings
from assistant.telemetry import log_loop_faults, open_telemetry
from assistant.web import Listener, create_app, create_worker_app
from assistant.web.keys import LIFE, PARTS, Life

log = structlog.get_logger(__name__)

_LAST_LOOK = 0.5


def serve(options: argparse.Namespace, settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code.

    Then: new work is refused and `/health/ready` says so, runs may finish within the grace,
    what is left is given back for the next process, streams end with a word to come back.
    """
    with open_telemetry(settings, "server"):
        app = create_app(settings, options.tools, options.identify)
        return run(_attend(app, settings, settings.port, _announce_server))


def work(options: argparse.Namespace, settings: Settings) -> int:
    """Execute runs until SIGTERM or SIGINT, then as `serve`; returns the exit code.

    Raises:
        SettingsError: when this is not a deployment with workers.
    """
    with open_telemetry(settings, "worker"):
        if settings.run_mode != "workers":
            detail = "RUN_MODE: a worker needs RUN_MODE=workers, on the servers too"
            raise SettingsError(detail)
        app = create_worker_app(settings, options.tools)
        return run(_attend(app, settings, settings.worker_port, _announce_worker))


async def _attend(
    app: web.Application,
    settings: Settings,
    port: int | None,
    announce: Callable[[Listener, web.Application], None],
) -> int:
    log_loop_faults(asyncio.get_running_loop())
    listener = Listener(app, settings)
    stop = _on_signals()
    await listener.setup()
    try:
        if port is not None and not await _listen(listener, settings.host, port):
            return 1
        set_aside()
        announce(listener, app)
        await stop.wait()
        log.info("server.stopping")
        end = asyncio.get_running_loop().time() + settings.shutdown_grace_seconds
        await app[PARTS].worker.drain(settings.shutdown_grace_seconds)
        await _last_answers(app[LIFE], end)
        app[LIFE].closing.set()
    finally:
        await listener.cleanup()
    log.info("server.stopped")
    return 0


async def _last_answers(life: Life, end: float) -> None:
    """Let those who follow read the end of what has ended, and those who wait have their answer.

    A stream is taken up again from another server; one whole answer, which another process may
    be making, can only be waited for.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout_at(end):
            while life.open["json"]:
                life.left.clear()
                await life.left.wait()
    if life.open.total():
        await asyncio.sleep(_LAST_LOOK)


async def _listen(listener: Listener, host: str, port: int) -> bool:
    try:
        await web.TCPSite(listener, host, port, backlog=1024).start()
    except OSError as error:
        sys.stderr.write(
            f"assistant: PORT: cannot listen on {host}:{port} "
            f"({error.strerror}); stop what uses it, or choose another, such as PORT=8001\n"
        )
        return False
    return True


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


def _announce_worker(listener: Listener, app: web.Application) -> None:
    parts = app[PARTS]
    where = f", health on {_url(listener)}" if listener.addresses else ""
    log.info("worker.started", slots=parts.worker.slots, process=parts.store.leases.process)
    sys.stdout.write(f"Working on up to {parts.worker.slots} runs at once{where}\n")
    sys.stdout.flush()


def _url(listener: Listener) -> str:
    host, port = listener.addresses[0][:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _announce_server(listener: Listener, app: web.Application) -> None:
    parts, url = app[PARTS], _url(listener)
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
