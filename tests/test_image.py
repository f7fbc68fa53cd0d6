"""The image's steps, run in order as the Dockerfile has them, without a container engine."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import aiohttp
import pytest

from tests import processes
from tests.processes import ROOT, shell

Step = tuple[str, str]


def steps() -> list[Step]:
    """Return the Dockerfile's instructions with their arguments, in order."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(w, rest) for w, _, rest in (s.partition(" ") for s in joined.splitlines() if s)]


def copy(arguments: str, work: Path) -> None:
    *sources, target = shlex.split(arguments)
    for source in sources:
        into = work / target
        if (ROOT / source).is_dir():
            leave = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / source, into, dirs_exist_ok=True, ignore=leave)
        else:
            into.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, into)


@pytest.mark.long
@pytest.mark.no_cover
@pytest.mark.timeout(300)
async def test_the_images_steps_make_a_server_that_answers(tmp_path: Path) -> None:
    work, prefix, elsewhere = (tmp_path / name for name in ("src", "opt", "elsewhere"))
    elsewhere.mkdir()
    # The base image's Python: one without any package of ours.
    await shell(f"{sys.executable} -m venv base", tmp_path)
    inherited = (await shell('printf %s "$PATH"', tmp_path)).strip()
    health, command, variables = await build(work, prefix, f"{tmp_path}/base/bin:{inherited}")
    assert command == ["assistant", "serve"]
    assert variables["HOST"] == "0.0.0.0"
    command = [f"{prefix}/bin/assistant", "serve"]
    started = processes.started(command, elsewhere, tmp_path / "data")
    async with started as running, aiohttp.ClientSession(running.url) as http:
        check = shlex.join([f"{prefix}/bin/python", *health[1:]])
        port = running.url.rpartition(":")[2]
        await shell(check, elsewhere, PORT=port)
        async with http.get("/personas") as reply:
            found = {persona["name"] for persona in (await reply.json())["personas"]}
        assert found == {"jaime_therapist", "web_assistant"}
        async with http.get("/docs") as reply:
            assert reply.status == 200
        async with http.post("/chat", json={"message": "Hello", "stream": False}) as reply:
            assert (await reply.json())["response"]
        assert await running.terminate() == 0
        with pytest.raises(AssertionError):
            await shell(check, elsewhere, PORT=port)


async def build(work: Path, prefix: Path, path: str) -> tuple[list[str], list[str], dict[str, str]]:
    """Carry the first stage out; returns the second one's health check, command and variables."""
    stage = 0
    variables: dict[str, str] = {}
    health: list[str] = []
    command: list[str] = []
    for word, arguments in steps():
        match word:
            case "FROM":
                stage += 1
            case "COPY" if stage == 1:
                copy(arguments, work)
            case "RUN" if stage == 1:
                await shell(arguments.replace("/opt/assistant", str(prefix)), work, PATH=path)
            case "ENV" if stage > 1:
                variables |= dict(pair.split("=", 1) for pair in arguments.split())
            case "HEALTHCHECK":
                health = json.loads(re.sub(r"^.*?CMD ", "", arguments))
            case "CMD":
                command = json.loads(arguments)
            case _:
                pass
    return health, command, variables
