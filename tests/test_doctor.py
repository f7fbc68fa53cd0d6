"""`assistant doctor`: tells what a server would have, and by its exit code whether all is there."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings

from tests import processes
from tests.processes import ROOT, free_port

_NOWHERE = 1  # a port on which nothing listens


async def _asked(data_dir: Path, **settings: object) -> tuple[int | None, dict[str, str]]:
    """Return the exit code, and what it said of each part."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "assistant", "--env-file", os.devnull, "doctor"),
        cwd=ROOT,
        env=processes.environment(data_dir, **settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(40):
        out, _ = await process.communicate()
    return process.returncode, {line[:10].strip(): line[10:] for line in out.decode().splitlines()}


async def test_all_is_there(tmp_path: Path) -> None:
    code, told = await _asked(tmp_path)
    assert code == 0
    assert told.pop("personas").startswith("jaime_therapist ")
    assert told == {
        "model": "demo, demo",
        "store": "embedded",
        "clinic": "sqlite",
        "who asks": "AUTH_MODE=none",
        "traces": "off (OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 turns them on)",
    }


async def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    code, told = await _asked(
        tmp_path,
        REDIS_URL=f"redis://127.0.0.1:{_NOWHERE}/0",
        DATABASE_URL=f"postgresql://clinic_app@127.0.0.1:{_NOWHERE}/clinic",
    )
    assert code == 1
    assert told["store"] == "embedded (fallback: REDIS_URL is not reachable)"
    assert told["clinic"] == "postgresql (it does not answer)"


async def test_a_collector_is_asked_and_its_password_is_not_told(tmp_path: Path) -> None:
    port, trace_url = free_port(), "http://localhost:16686/trace/{trace_id}"
    endpoint = f"http://someone:hunter2-hunter2@127.0.0.1:{port}"
    async with OtelTapHttpProtobufReceiver(OtelTapHttpProtobufReceiverSettings(http_port=port)):
        code, told = await _asked(
            tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, TRACE_URL=trace_url
        )
    assert code == 0
    assert told["traces"].endswith(f":{port}/v1/traces, to be seen at {trace_url}")
    assert "hunter2" not in str(told)


async def test_a_collector_that_is_not_there_is_named(tmp_path: Path) -> None:
    endpoint = f"http://127.0.0.1:{_NOWHERE}"
    code, told = await _asked(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    assert code == 1
    assert told["traces"] == f"{endpoint}/v1/traces (it does not answer)"
