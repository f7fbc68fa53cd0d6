"""The command line shows no secret: not of its settings, its files or its environment."""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.processes import environment
from tests.telemetry.canaries.coinage import Mint
from tests.telemetry.canaries.commands import COMMANDS, Command
from tests.telemetry.canaries.launching import launched
from tests.telemetry.canaries.places import Place, files, leaks

_AT_ONCE = 4
_SLOT = re.compile(r"<([a-z]+\d*)>")
_AROUND = {
    "OPENAI_API_KEY": "<openai9>",
    "SMTP_PASSWORD": "<password9>",
    "GITHUB_TOKEN": "<github>",
    "AWS_KEY": "<aws>",
}

pytestmark = [pytest.mark.long, pytest.mark.no_cover, pytest.mark.timeout(120)]


async def _run(command: Command, folder: Path, mint: Mint) -> tuple[int, list[Place]]:
    """Run a command; returns its exit code, and what it wrote."""

    def fill(text: str) -> str:
        text = text.replace("<folder>", str(folder))
        return _SLOT.sub(lambda slot: mint.take(command.name, slot[1]), text)

    for name, text in command.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(fill(text))
    given = {name: fill(text) for name, text in (_AROUND | dict(command.variables)).items()}
    variables = environment(folder / "data", **{"PORT": "0", **given})
    arguments = fill(command.arguments).split()
    async with launched(arguments, folder / "stderr", variables, "assistant") as process:
        code = await process.run_out()
    out, err = Place(f"stdout of '{command.name}'", process.out), process.written()
    places = [out, Place(f"stderr of '{command.name}'", err), *files(folder / "data")]
    return code, places


async def test_no_command_shows_a_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mint, places, gate = Mint(random.Random(5)), list[Place](), asyncio.Semaphore(_AT_ONCE)
    codes: dict[str, int] = {}

    async def run(number: int, command: Command) -> None:
        async with gate:
            code, found = await _run(command, tmp_path / str(number), mint)
        codes[command.name] = code
        places.extend(found)

    # The first one makes a clinic; that takes longest, and the others need no other.
    await run(0, COMMANDS[0])
    async with asyncio.TaskGroup() as group:
        for number, command in enumerate(COMMANDS[1:], 1):
            (tmp_path / f"{number}" / "data").mkdir(parents=True)
            shutil.copy(tmp_path / "0" / "data" / "clinic.db", tmp_path / f"{number}" / "data")
            group.create_task(run(number, command))
    shown = leaks(places, mint.made.values())
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(codes)} commands, {sum(len(place.text) for place in places):,} characters "
            f"searched for {len(mint.made)} canaries, {len(shown)} leaks\n"
        )
    assert not shown, "\n".join(shown)
    well = {name for name, code in codes.items() if code == 0}
    assert {"a doctor", "a key", "the schema"} <= well
    # Each of the wrong ones was told so.
    assert len(codes) - len(well) >= 40
