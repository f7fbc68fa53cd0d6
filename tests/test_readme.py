"""The README's commands, copied from it and run against a server as a newcomer would."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import sys
from pathlib import Path

import aiohttp
import pytest

from tests import client
from tests.processes import ROOT, shell, started
from tests.resilience.readers import remote

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL = re.findall(r"(?:^    .*\n(?:\n(?=    ))?)+", README, re.MULTILINE)
CALLS = [block for block in SHELL if "curl" in block]
JAVASCRIPT = re.findall(r"```js\n(.*?)```", README, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
CLIENTS = [block for block in PYTHON if "ws_connect" in block]
TOOLS = next(block for block in PYTHON if "assistant.tool" in block)

PERSONA = """name: Writer
title: Writes notes
description: A persona for tests.
greeting: What shall I write?
notice: This is a persona for tests.
tools: [write_note]
"""


def at(text: str, url: str) -> str:
    host = url.removeprefix("http://")
    return text.replace("localhost:8000", host)


async def test_every_curl_in_the_readme_answers_well(server_url: str) -> None:
    assert len(CALLS) >= 4
    # One shell for all, as one reads on: later calls use what earlier ones made.
    script = "\n".join(re.sub("^    ", "", b, flags=re.MULTILINE) for b in CALLS)
    out = await shell(at(script, server_url), ROOT)
    assert '"error"' not in out.replace('"error":null', ""), out
    assert out.count('"is_final":true') >= 4
    assert '{"status":"processing"}' in out
    assert '"status":"completed","chunk":"' in out
    assert '"response":"' in out
    assert '"greeting":' in out
    assert re.search("These are coming up:.*Check-up with Dr", out)
    assert '"active_connections"' not in out


async def test_frames_come_one_by_one(server_url: str) -> None:
    call = next(block for block in CALLS if "trouble sleeping" in block)
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", at(call, server_url), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(30):
        times = [loop.time() async for line in process.stdout if line.startswith(b"data: ")]
        await process.wait()
    assert len(times) > 20
    assert times[-1] - times[0] > 0.2  # paced by the demo model, so not in one go


async def test_the_program_with_a_tool_of_its_own_writes_a_note(
    tmp_path: Path, upstream: str
) -> None:
    persona = tmp_path / "agents" / "writer"
    persona.mkdir(parents=True)
    (persona / "persona.yaml").write_text(PERSONA)
    (persona / "instructions.md").write_text("Write notes.")
    settings = remote(upstream) | {"AGENTS_DIR": persona.parent, "DEFAULT_PERSONA": "writer"}
    command = [sys.executable, "-c", TOOLS, "--env-file", os.devnull, "serve"]
    async with (
        started(command, tmp_path, tmp_path / "data", PYTHONPATH=ROOT, **settings) as running,
        aiohttp.ClientSession(running.url) as http,
    ):
        said = await client.chat(
            http, '[[tool: write_note {"text": "milk"}]] [[then]] [[tokens: 2]]'
        )
    assert client.text_of(said) == "w0 w1"
    key, _, text = (tmp_path / "notes.txt").read_text().rstrip("\n").partition("\t")
    assert (said[0].data["run_id"] in key, text) == (True, "milk")


@pytest.mark.parametrize("block", CLIENTS)
async def test_the_websocket_client_prints_an_answer(server_url: str, block: str) -> None:
    assert len([line for line in block.splitlines() if line]) <= 10
    out = await shell(shlex.join([sys.executable, "-c", at(block, server_url)]), ROOT)
    assert len(out) > 20
