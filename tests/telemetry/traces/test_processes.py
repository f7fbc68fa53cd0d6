"""Whole server processes: the standard variables, real receivers and hostile ones."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import assistant
from tests import processes
from tests.processes import ROOT, ServerProcess, environment, free_port
from tests.telemetry.traces.collectors import HOSTILE, behaving, request_of
from tests.telemetry.traces.recording import tapping

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
FAST = {"OTEL_BSP_SCHEDULE_DELAY": 100}
_EXIT = 2  # seconds that telemetry may add to the end of a process


async def ask(running: ServerProcess, **headers: str) -> None:
    """Have one message answered, with a secret in the query."""
    body = {"message": "Hello", "session_id": "mine"}
    headers["Accept"] = "application/json"
    async with (
        ClientSession() as http,
        http.post(f"{running.url}/chat?key=hunter22", json=body, headers=headers) as reply,
    ):
        assert reply.status == 200
        assert (await reply.json())["response"]


def lines(running: ServerProcess, event: str) -> list[dict[str, Any]]:
    told = [json.loads(line) for line in running.log.read_text().splitlines()]
    return [line for line in told if line["event"] == event]


async def test_a_request_is_in_the_trace_that_it_names(tmp_path: Path) -> None:
    async with tapping() as tap:
        settings = {**FAST, "OTEL_EXPORTER_OTLP_ENDPOINT": tap.base}
        async with processes.server(tmp_path, **settings) as running:
            async with ClientSession() as http:
                await http.get(f"{running.url}/health")
            await ask(running, traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
            assert await running.terminate() == 0
        (request,) = [s for s in await tap.until(1) if s.kind == s.SPAN_KIND_SERVER]
    assert request.name == "POST /chat"
    assert request.trace_id.hex() == TRACE
    assert request.parent_span_id.hex() == "00f067aa0ba902b7"
    facts = {fact.key: fact.value for fact in request.attributes}
    assert facts["http.route"].string_value == "/chat"
    assert facts["http.request.method"].string_value == "POST"
    assert facts["http.response.status_code"].int_value == 200
    assert "hunter22" not in str(tap.spans)


async def test_a_resource_says_which_process_it_was_and_dotenv_counts(tmp_path: Path) -> None:
    bodies: asyncio.Queue[bytes] = asyncio.Queue()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bodies.put_nowait(await request_of(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with behaving(behave) as fake:
        (tmp_path / "otel.env").write_text(
            f"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT={fake.url}\n"
            "OTEL_EXPORTER_OTLP_HEADERS=x-tenant=general\n"
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS=x-tenant=traces\n"
            "OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=staging,password=hunter22\n"
            "OTEL_BSP_SCHEDULE_DELAY=100\n"
        )
        command = (sys.executable, "-m", "assistant", "--env-file", str(tmp_path / "otel.env"))
        async with processes.started((*command, "serve"), ROOT, tmp_path) as running:
            await ask(running)
            async with asyncio.timeout(10):
                head, _, body = (await bodies.get()).partition(b"\r\n\r\n")
    assert b"x-tenant: traces" in head.lower()
    request = ExportTraceServiceRequest.FromString(body)
    facts = {f.key: f.value for f in request.resource_spans[0].resource.attributes}
    assert facts["service.name"].string_value == "persona-assistant"
    assert facts["service.version"].string_value == assistant.__version__
    assert facts["service.instance.id"].string_value
    assert facts["process.role"].string_value == "server"
    assert facts["deployment.environment.name"].string_value == "staging"
    assert b"hunter22" not in body


@pytest.mark.parametrize(
    ("variables", "sampled"),
    [
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}, False),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "1"}, True),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, False),
        ({"OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_TRACES_EXPORTER": "none"}, False),
    ],
    ids=str,
)
async def test_sampling_by_the_standard_variables(
    tmp_path: Path, variables: dict[str, str], *, sampled: bool
) -> None:
    async with tapping() as tap:
        settings = {**FAST, "OTEL_EXPORTER_OTLP_ENDPOINT": tap.base, **variables}
        async with processes.server(tmp_path, **settings) as running:
            await ask(running)
            await running.terminate()
        if sampled:
            await tap.until(1)
    assert bool(tap.spans) == sampled


@pytest.mark.parametrize("name", ["silent", "a byte at a time", "nonsense", "refused"])
async def test_a_hostile_collector_costs_no_user_anything(tmp_path: Path, name: str) -> None:
    async with behaving(HOSTILE.get(name, HOSTILE["silent"])) as fake:
        url = fake.url if name in HOSTILE else f"http://127.0.0.1:{free_port()}"
        settings = {**FAST, "OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_TIMEOUT": 0.3}
        async with processes.server(tmp_path, **settings) as running:
            for _ in range(5):
                begun = time.monotonic()
                await ask(running)
                assert time.monotonic() - begun < 2
            async with asyncio.timeout(10):
                while not lines(running, "traces.export.failing"):
                    await asyncio.sleep(0.05)
            await ask(running)
            assert await running.terminate() == 0
            stopped = lines(running, "server.stopped")[0]["timestamp"]
            assert stopped
        (told,) = lines(running, "traces.export.failing")
        assert told["level"] == "warning"
        assert not [
            line for line in running.log.read_text().splitlines() if "opentelemetry" in line
        ]


async def test_a_collector_that_hangs_holds_the_end_up_for_two_seconds_at_most(
    tmp_path: Path,
) -> None:
    async with behaving(HOSTILE["silent"]) as fake:
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": fake.url}
        async with processes.server(tmp_path, **settings) as running:
            await ask(running)
            running.process.terminate()
            async with asyncio.timeout(20):
                while not lines(running, "server.stopped"):
                    await asyncio.sleep(0.01)
                begun = time.monotonic()
                assert await running.process.wait() == 0
            assert time.monotonic() - begun < _EXIT + 1
            assert fake.calls == 1


async def _python(tmp_path: Path, code: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code),
        cwd=ROOT,
        env=environment(tmp_path),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_without_a_collector_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    code = """
import sys
from assistant.cli import main
from assistant.settings import Settings
from assistant.telemetry import open_telemetry
from assistant.web import create_app
from aiohttp import web
plain, settings = web.Application, Settings.from_mapping({})
with open_telemetry(settings):
    create_app(settings)
assert web.Application is plain
names = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp", "requests",
         "opentelemetry.instrumentation.aiohttp_server")
print([name for name in sys.modules if name.startswith(names)])
"""
    assert await _python(tmp_path, code) == "[]\n"


async def test_traces_are_opened_once_in_a_process(tmp_path: Path) -> None:
    code = """
from assistant.errors import SettingsError
from assistant.settings import Settings
from assistant.telemetry import open_telemetry
settings = Settings.from_mapping({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
with open_telemetry(settings):
    pass
try:
    with open_telemetry(settings):
        pass
except SettingsError as error:
    print(error.detail)
with open_telemetry(Settings.from_mapping({})):
    print("well")
"""
    first, second = (await _python(tmp_path, code)).splitlines()
    assert first.startswith("OTEL_EXPORTER_OTLP_ENDPOINT: ")
    assert second == "well"
