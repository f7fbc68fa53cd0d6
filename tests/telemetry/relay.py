"""One run with all that can happen to it: a hand-over, tools, an approval, a worker's death."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests import client, processes
from tests.conftest import DATA
from tests.telemetry.tap import Tap, tapped
from tests.upstream import create_upstream, serving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"
CORRELATION = "relay-1"
SECRET = "Ottoline Cranwell"
OUTCOME = "assistant.outcome"

_TALK = " [[then]] ".join(
    (
        "[[tool: current_time]]",
        "[[tool: transfer_to_ann {}]]",
        '[[tool: clinic_facts {"topic": "hours", "about": null}]]',
        f"[[tokens: 6]] [[hold: 3 times=1]] My name is {SECRET}",
    )
)


@dataclass(slots=True)
class Relay:
    """What became of the run, and of its spans.

    Attributes:
        run: as `GET /runs/RID` tells it at its end.
        asked: what the model's server was sent.
    """

    tap: Tap
    run: dict[str, Any]
    asked: list[dict[str, Any]]


def settings(upstream: str, tap: Tap, **more: object) -> dict[str, object]:
    """Return the settings of a server or worker with these personas and this model."""
    return {
        "AGENTS_DIR": DATA / "relay",
        "DEFAULT_PERSONA": "desk",
        "MODEL_PROVIDER": "openai",
        "OPENAI_BASE_URL": upstream,
        "OPENAI_API": "chat",
        **tap.settings,
        **more,
    }


async def relayed(folder: Path, *, frozen: bool = False) -> Relay:
    """Have two workers make the run.

    The first is killed in mid-answer; or only `frozen`, and comes to when another has taken over.
    """
    async with (
        serving(create_upstream()) as root,
        tapped() as tap,
        processes.redis_server(folder / "redis") as redis,
    ):
        known = settings(f"{root}/v1", tap, REDIS_URL=redis.url, RUN_MODE="workers")
        async with (
            processes.server(folder / "server", **known) as server,
            aiohttp.ClientSession(server.url) as http,
        ):
            async with processes.worker(folder / "first", **known) as first:
                run_id = await _begin(http)
                await _approve(http, run_id)
                await _held(root)
                async with processes.worker(folder / "second", **known):
                    await _strike(first, http, run_id, frozen=frozen)
                    await tap.until(lambda: len(tap.named("attempt")) == 2 + frozen)
            async with http.get(f"/runs/{run_id}") as response:
                run = await response.json()
            await tap.until(lambda: len(tap.named("GET /runs/{run_id}")) == 2)
        async with aiohttp.ClientSession(root) as http, http.get("/_requests") as response:
            return Relay(tap, run, await response.json())


async def _strike(
    worker: processes.ServerProcess, http: aiohttp.ClientSession, run_id: str, *, frozen: bool
) -> None:
    """Take a worker away until the run has ended, or for good."""
    if frozen:
        worker.process.send_signal(signal.SIGSTOP)
    else:
        await worker.kill()
    async with asyncio.timeout(30):
        await client.follow(http, run_id)
    if frozen:
        worker.process.send_signal(signal.SIGCONT)


async def _begin(http: aiohttp.ClientSession) -> str:
    headers = {"traceparent": TRACEPARENT, "X-Correlation-ID": CORRELATION, **client.JSON}
    async with http.post("/chat", json={"message": _TALK}, headers=headers) as response:
        told = await response.json()
        assert response.status == 202, told
        assert told["status"] == "waiting"
        return str(told["run_id"])


async def _approve(http: aiohttp.ClientSession, run_id: str) -> None:
    async with http.get(f"/runs/{run_id}") as response:
        (approval,) = (await response.json())["approvals"]
    path = f"/runs/{run_id}/approvals/{approval['call_id']}"
    body = {"decision": "approve", "arguments_hash": approval["arguments_hash"]}
    async with http.post(path, json=body) as response:
        assert response.status == 200, await response.text()


async def _held(root: str) -> None:
    """Wait until the model is silent in the middle of its answer."""
    async with aiohttp.ClientSession(root) as http, http.get("/_stats?held=1") as response:
        assert response.status == 200, await response.text()
