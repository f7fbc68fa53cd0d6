"""A real Prometheus that scrapes a server, with the project's own configuration."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from tests.processes import ROOT

CONFIG = ROOT / "config"


def expressions() -> list[str]:
    """Return every expression of the alert rules and of the dashboard, with its variables set."""
    rules = yaml.safe_load((CONFIG / "alerts.yaml").read_text("utf-8"))
    found = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    dashboard = json.loads((CONFIG / "grafana" / "assistant.json").read_text("utf-8"))
    asked = [t["expr"] for panel in dashboard["panels"] for t in panel.get("targets", ())]
    asked += [each["expr"] for each in dashboard["annotations"]["list"]]
    return [*found, *(e.replace("$__rate_interval", "5m").replace("$job", ".*") for e in asked)]


def names_in(expression: str) -> set[str]:
    """Return the metrics that an expression names, without the endings of their series."""
    bare = re.sub(r"\{[^}]*\}|\b(?:by|ignoring|on)\s*\([^)]*\)", "", expression)
    words = re.findall(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b(?!\s*\()", bare)
    functions = {"group_left", "histogram_quantile"}
    return {re.sub(r"_(bucket|sum|count|total)$", "", word) for word in words} - functions


@asynccontextmanager
async def prometheus(folder: Path, target: str, key: str) -> AsyncIterator[aiohttp.ClientSession]:
    """Start Prometheus on one target, with an operator's key; yields a client of its API."""
    settings = yaml.safe_load((CONFIG / "prometheus.yml").read_text("utf-8"))
    settings["global"] = {"scrape_interval": "200ms", "evaluation_interval": "1s"}
    settings["rule_files"] = [str(CONFIG / "alerts.yaml")]
    (server,) = (job for job in settings["scrape_configs"] if "authorization" in job)
    del server["dns_sd_configs"]
    server["static_configs"] = [{"targets": [target.removeprefix("http://")]}]
    settings["scrape_configs"] = [server]
    folder.mkdir()
    (folder / "operator.key").write_text(f"{key}\n")
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    )
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
            await _until_up(http)
            yield http
    finally:
        process.terminate()
        await process.wait()


async def query(http: aiohttp.ClientSession, expression: str) -> list[dict[str, Any]]:
    """Return what an expression comes to now."""
    async with http.post("/api/v1/query", data={"query": expression}) as response:
        reply = await response.json()
    assert reply["status"] == "success", (expression, reply)
    found: list[dict[str, Any]] = reply["data"]["result"]
    return found


async def _until_up(http: aiohttp.ClientSession) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                if [row["value"][1] for row in await query(http, "up")] == ["1"]:
                    return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
