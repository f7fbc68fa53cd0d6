"""The README's commands, copied from it and run against a server as a newcomer would."""

from __future__ import annotations

import asyncio
import re
import shlex
import sys

import pytest

from tests.processes import ROOT, shell

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL = re.findall(r"(?:^    .*\n(?:\n(?=    ))?)+", README, re.MULTILINE)
CALLS = [block for block in SHELL if "curl" in block]
JAVASCRIPT = re.findall(r"```js\n(.*?)```", README, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


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


@pytest.mark.parametrize("block", PYTHON)
async def test_the_websocket_client_prints_an_answer(server_url: str, block: str) -> None:
    assert len([line for line in block.splitlines() if line]) <= 10
    out = await shell(shlex.join([sys.executable, "-c", at(block, server_url)]), ROOT)
    assert len(out) > 20
