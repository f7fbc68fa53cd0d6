"""Plays turns on a server process, and gathers all that could be read of it."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.conftest import DATA
from tests.processes import environment
from tests.telemetry.canaries.coinage import Mint
from tests.telemetry.canaries.collector import Collector, collecting
from tests.telemetry.canaries.launching import PROGRAM, Process, launched
from tests.telemetry.canaries.places import Place, files, leaks, names_told
from tests.telemetry.canaries.turn import Heard, Turn, Visit
from tests.telemetry.canaries.turns.talk import RECORDS
from tests.upstream import JOURNAL, create_upstream, serving
from tests.web.identities import write_keys
from tests.web.issuer import MODE, SECRET

_AT_ONCE = 8
_MOST_TOLD = 40
_LOOKS = ("/", "/health", "/health/ready", "/stats", "/metrics")
_SURROUNDING = {
    "OPENAI_API_KEY": "openai",
    "AWS_SECRET_ACCESS_KEY": "token",
    "GITHUB_TOKEN": "github",
    "SMTP_PASSWORD": "password",
    "ASSISTANT_TOKEN": "ours",
    "ADMIN_EMAIL": "email",
}


_LIBRARIES = ("assistant", "aiohttp", "aiohttp.server", "asyncio", "concurrent", "mine")
"""Loggers that may be asked for more; of others the settings say why they may not."""
_BLABBING: Mapping[str, object] = {
    "OPENAI_LOG": "debug",
    "OPENAI_AGENTS_DONT_LOG_MODEL_DATA": "0",
    "OPENAI_AGENTS_DONT_LOG_TOOL_DATA": "0",
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONWARNINGS": "always",
}


@dataclass(frozen=True, slots=True)
class Stand:
    """How a server is set up.

    Attributes:
        level: its `LOG_LEVEL`; `form` its `LOG_FORMAT`; `mode` its `AUTH_MODE`.
        captures: whether it records what people say, on spans.
        blabs: whether libraries are told, in every way they know, to log what passes by.
    """

    level: str
    form: str
    mode: str = "none"
    captures: bool = False
    blabs: bool = False

    @property
    def name(self) -> str:
        """All of it in a word."""
        words = (self.level, self.form, self.mode, "blabbing" * self.blabs)
        return "-".join(filter(None, words))


@dataclass(slots=True)
class Report:
    """What came of it.

    Attributes:
        leaks: which canary is shown where; `faults` what went otherwise than planned.
        searched: characters; `sought` canaries.
        places: how long each of them was.
        written: the server's standard error.
        told: the turns whose names are in what was captured on purpose.
    """

    turns: int = 0
    spans: int = 0
    leaks: list[str] = field(default_factory=list)
    searched: int = 0
    sought: int = 0
    faults: list[str] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    written: str = ""
    told: set[str] = field(default_factory=set)

    def check(self) -> None:
        """Fail with all that leaked, and all that went otherwise than planned."""
        wrong = [*self.leaks, *self.faults]
        assert not wrong, "\n".join([f"{len(wrong)} faults:", *wrong[:_MOST_TOLD]])


async def perform(
    stand: Stand, folder: Path, turns: Sequence[Turn], module: str = PROGRAM
) -> Report:
    """Start a server, play all turns that are meant for it, stop it, and search every place."""
    mint, heard, report = Mint(random.Random(stand.name)), Heard(), Report()
    played = [turn for turn in turns if turn.mode == stand.mode]
    folder.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        collector = await stack.enter_async_context(collecting())
        upstream = create_upstream()
        model = await stack.enter_async_context(serving(upstream))
        variables = _variables(stand, folder, mint, collector, model)
        process = await stack.enter_async_context(
            launched(["serve"], folder / "stderr", variables, module, anew=stand.blabs)
        )
        url = await process.announced()
        _fill_clinic(folder / "data" / "clinic.db", mint)
        report.faults = await _play(played, url, mint, heard)
        looks = await _look(url)
        listing = process.listing()
        await process.end()
    places = [
        *_places(process, collector, heard),
        *looks,
        Place("process listing", listing),
        Place("headers to the model", "\n".join(map(_head, upstream[JOURNAL].requests))),
        *files(folder / "data"),
    ]
    report.told = names_told(places, mint.made.values())
    report.leaks = leaks(places, mint.made.values())
    report.turns, report.spans, report.sought = len(played), collector.spans, len(mint.made)
    report.places = {place.name: len(place.text) for place in places}
    report.written = process.written()
    report.searched = sum(report.places.values())
    assert collector.refused == []
    return report


def _head(asked: Mapping[str, Any]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in asked["headers"].items())


def _places(process: Process, collector: Collector, heard: Heard) -> Iterator[Place]:
    yield Place("stdout", process.out)
    yield Place("stderr", process.written())
    yield Place("spans", "\n".join(collector.rest))
    yield Place("content of spans", "\n".join(collector.content), content=True)
    for name, texts in heard.texts.items():
        yield Place(name, "\n".join(texts))


def _variables(
    stand: Stand, folder: Path, mint: Mint, collector: Collector, model: str
) -> dict[str, str]:
    """Return the server's environment, which holds keys as environments do."""
    around = {name: mint.take("environment", kind) for name, kind in _SURROUNDING.items()}
    bearer = mint.take("environment", "token2")
    settings: dict[str, object] = {
        "AGENTS_DIR": DATA / "canaries",
        "DEFAULT_PERSONA": "keeper",
        "MODEL_PROVIDER": "openai",
        "OPENAI_API": "chat" if stand.form == "json" else "responses",
        "OPENAI_MODEL": "gpt-test",
        "OPENAI_BASE_URL": f"{model}/v1",
        "MODEL_RETRIES": 0,
        "TIMEOUT_SECONDS": 10,
        "LEASE_SECONDS": 10,
        "LOG_LEVEL": stand.level,
        "LOG_FORMAT": stand.form,
        "AUTH_MODE": stand.mode,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{bearer}",
        "OTEL_BSP_SCHEDULE_DELAY": 200,
        "OTEL_BSP_MAX_QUEUE_SIZE": 100_000,
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": str(stand.captures).lower(),
    }
    if stand.level == "DEBUG":
        settings["LOG_LEVELS"] = ",".join(f"{name}=DEBUG" for name in _LIBRARIES)
    if stand.blabs:
        settings |= _BLABBING
    if stand.mode == "api_key":
        write_keys(folder / "keys.yaml")
        settings["API_KEYS_FILE"] = folder / "keys.yaml"
    elif stand.mode == "jwt":
        settings |= MODE | {"JWT_SECRET": SECRET}
    return environment(folder / "data", **settings) | around


def _fill_clinic(file: Path, mint: Mint) -> None:
    """Put canaries into the records of people; who may read them, may, but no log may."""
    with closing(sqlite3.connect(file)) as database, database:
        ids = [row[0] for row in database.execute("SELECT id FROM patients ORDER BY id")]
        for at, number in enumerate(ids[:5], 1):
            given, family = mint.take(RECORDS, f"name{at}").split()
            values = (given, family, f"{given} {family}".lower())
            reached = tuple(mint.take(RECORDS, f"{kind}{at}") for kind in ("phone", "email"))
            noted = mint.take(RECORDS, f"said{at}")
            database.execute(
                "UPDATE patients SET given_name = ?, family_name = ?, search_name = ?, "
                "phone = ?, email = ?, notes = ? WHERE id = ?",
                (*values, *reached, noted, number),
            )


async def _play(turns: Sequence[Turn], url: str, mint: Mint, heard: Heard) -> list[str]:
    """Play turns, some at a time; returns what went otherwise than a turn says."""
    faults: list[str] = []
    places = asyncio.Semaphore(_AT_ONCE)
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(url, connector=connector) as http:

        async def play(number: int, turn: Turn) -> None:
            visit = Visit(turn.name, f"turn-{number}", http, mint, heard)
            async with places:
                try:
                    await turn.play(visit)
                except (aiohttp.ClientError, TimeoutError, OSError, AssertionError) as error:
                    faults.append(f"{turn.name}: {error!r}")

        async with asyncio.TaskGroup() as group:
            for number, turn in enumerate(turns):
                group.create_task(play(number, turn))
    return faults


async def _look(url: str) -> list[Place]:
    """Return what operators see of the server from outside."""
    async with aiohttp.ClientSession(url) as http:
        found = []
        for path in _LOOKS:
            async with http.get(path, headers={"Accept": "*/*"}) as reply:
                found.append(Place(path, await reply.text()))
        return found
