"""How a process starts: what it loads, on which loop it runs, when it collects garbage."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from pathlib import Path

import pytest

from assistant.cli.loop import run
from assistant.cli.memory import uncollected
from tests import processes
from tests.clinic.ready import lay

_ELSEWHERE = {
    "alembic": "makes and changes tables",
    "asyncpg": "PostgreSQL",
    "cryptography.x509": "AUTH_MODE=jwt",
    "jwt": "AUTH_MODE=jwt",
    "mako": "alembic's",
    "mcp": "servers of the Model Context Protocol",
    "mcp_types": "mcp's",
    "opentelemetry.instrumentation.sqlalchemy": "traces",
    "opentelemetry.sdk.trace": "traces, which a collector is named for",
    "sqlalchemy.dialects.postgresql": "PostgreSQL",
    "taskiq": "RUN_MODE=workers",
    "taskiq_redis": "RUN_MODE=workers",
    "xllamacpp": "the local model",
}
"""What takes long to load, and what it is for that a server with the defaults does not do."""


async def _loaded(data_dir: Path, *command: str) -> set[str]:
    """Return the names of all modules that a process loads until it first says something."""
    variables = processes.environment(data_dir)
    await asyncio.to_thread(lay, variables)
    log = data_dir / "imports.log"
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-X", "importtime", "-m", "assistant", "--env-file", os.devnull),
            *command,
            cwd=processes.ROOT,
            env=variables,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        said = await process.stdout.readline()
    assert said, log.read_text()
    if process.returncode is None:
        process.terminate()
    await process.communicate()
    lines = log.read_text().splitlines()
    return {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}


async def test_a_server_loads_only_what_it_needs_to_serve(tmp_path: Path) -> None:
    loaded = await _loaded(tmp_path, "serve")
    assert {"agents", "assistant.web.app", "sqlalchemy"} <= loaded
    assert loaded.isdisjoint(_ELSEWHERE)


async def test_a_command_loads_no_server(tmp_path: Path) -> None:
    loaded = await _loaded(tmp_path, "personas")
    assert "assistant.personas.loading" in loaded
    assert loaded.isdisjoint({"agents", "aiohttp", "sqlalchemy", "redis", "assistant.wiring"})


def test_a_command_s_loop_is_uvloop() -> None:
    pytest.importorskip("uvloop")

    async def loop() -> str:
        return type(asyncio.get_running_loop()).__module__

    assert run(loop()) == "uvloop"


def test_no_garbage_is_collected_while_a_process_loads() -> None:
    def fail() -> None:
        with uncollected():
            assert not gc.isenabled()
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert gc.isenabled()
