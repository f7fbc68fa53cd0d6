"""The same program with a leak of each kind, to see that the search finds them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from opentelemetry import trace
from prometheus_client import Counter

from assistant.cli import main
from assistant.errors import ForbiddenError
from assistant.models import OPERATOR, Principal
from assistant.telemetry import measures
from assistant.tool import Call, Tool
from tests.telemetry.canaries.mischief import Wanted, tools

HEADER = "X-Planted"


def _to_file(said: str) -> None:
    data = Path(os.environ["DATA_DIR"])  # noqa: TID251 - it stands for code that leaks
    (data / "crash.dump").write_text(said)


def _to_process(said: str) -> None:
    silent = subprocess.DEVNULL
    subprocess.Popen(["sh", "-c", "sleep 5; true", said], stdout=silent, stderr=silent)


def _to_counter(said: str) -> None:
    registry = measures._open[-1]._registry
    Counter("planted", "A leak.", ["said"], registry=registry).labels(said).inc()


_PLACES: Mapping[str, Callable[[str], Any]] = {
    "stdout": lambda said: sys.stdout.write(f"{said}\n"),
    "stderr": lambda said: sys.stderr.write(f"{said!r}\n"),
    "spans": lambda said: trace.get_current_span().set_attribute("planted", said),
    "file crash.dump": _to_file,
    "process listing": _to_process,
    "/metrics": _to_counter,
}
PLANTED = tuple(_PLACES)


async def _leak(_call: Call, wanted: Wanted) -> str:
    await asyncio.to_thread(_PLACES[wanted.how], wanted.said)
    return "Told."


async def identify(request: web.Request) -> Principal:
    """Believe everybody, and repeat what a header says in an answer that is none."""
    said = request.headers.get(HEADER, "")
    if said.startswith("body"):
        raise ForbiddenError(said)
    if said.startswith("header"):
        raise web.HTTPTooManyRequests(headers={"Retry-After": said})
    return Principal("visitor", frozenset({OPERATOR}))


if __name__ == "__main__":
    leaking = Tool("misbehave", "Tell.", Wanted, _leak)
    sys.exit(main(tools={**tools(), "misbehave": leaking}, identify=identify))
