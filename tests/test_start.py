"""How a process starts: what it loads, on which loop it runs, when it collects garbage."""

from __future__ import annotations

import asyncio
import gc
import os
import ssl
import sys
from pathlib import Path

import pytest

from assistant.cli.certificates import read_when_used
from assistant.cli.loop import run
from assistant.cli.memory import uncollected
from tests import processes
from tests.certificates import lay_certificate, tls_server
from tests.clinic.ready import lay

_ELSEWHERE = {
    "alembic": "makes and changes tables",
    "asyncpg": "PostgreSQL",
    "cryptography.x509": "AUTH_MODE=jwt",
    "jwt": "AUTH_MODE=jwt",
    "mako": "alembic's",
    "mcp": "servers of the Model Context Protocol",
    "mcp_types": "mcp's",
    "openai.types.batch": "calls of the model API that no persona makes",
    "openai.types.image": "the same",
    "opentelemetry.instrumentation.sqlalchemy": "traces",
    "opentelemetry.sdk.trace": "traces, which a collector is named for",
    "sqlalchemy.dialects.postgresql": "PostgreSQL",
    "sqlalchemy.orm": "objects that are mapped to tables",
    "taskiq": "RUN_MODE=workers",
    "taskiq_redis": "RUN_MODE=workers",
    "xllamacpp": "the local model",
}
"""What takes long to load, and what it is for that a server with the defaults does not do."""


async def _loaded(data_dir: Path, *command: str, laid: bool = True) -> set[str]:
    """Return the names of all modules that a process loads until it first says something.

    Unless a clinic is laid before, it finds none.
    """
    variables = processes.environment(data_dir)
    if laid:
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


async def test_a_first_start_loads_no_more(tmp_path: Path) -> None:
    loaded = await _loaded(tmp_path, "serve", laid=False)
    assert loaded.isdisjoint(_ELSEWHERE)


async def test_a_command_loads_no_server(tmp_path: Path) -> None:
    loaded = await _loaded(tmp_path, "personas")
    assert "assistant.personas.loading" in loaded
    assert loaded.isdisjoint({"agents", "aiohttp", "sqlalchemy", "redis", "assistant.wiring"})


_COUNTING = """
import ssl

def count(context):
    print("read")

ssl.SSLContext.set_default_verify_paths = count
ssl.create_default_context()
from assistant.cli import main

print(main(["--env-file", "", "worker"]))
"""


async def test_a_command_reads_no_certificates_as_it_loads(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _COUNTING),
        cwd=processes.ROOT,
        env=processes.environment(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, why = await process.communicate()
    assert b"RUN_MODE" in why  # which it says when all is loaded
    assert said.split() == [b"read", b"2"]


async def test_certificates_are_read_at_the_first_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = lay_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    with read_when_used():
        context = ssl.create_default_context()
    assert context.cert_store_stats()["x509_ca"] == 0

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(
        greet, "127.0.0.1", 0, ssl=tls_server(certificate)
    ) as server:
        host, port = server.sockets[0].getsockname()
        for _ in range(2):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            assert await reader.readline() == b"hello\n"
            writer.close()
            await writer.wait_closed()
    assert context.cert_store_stats()["x509_ca"] == 1
    assert ssl.create_default_context().cert_store_stats()["x509_ca"] == 1


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
