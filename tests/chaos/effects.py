"""Tools that change a database of their own, which counts what they did and how often they ran."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from assistant.tool import Call, Tool

Doom = Callable[[str, str, str], Awaitable[None]]

# Nothing here forbids a second row for a key: a double effect must show.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS effects (tool TEXT, key TEXT, run TEXT, what TEXT, at TEXT);
CREATE TABLE IF NOT EXISTS calls (tool TEXT, key TEXT, run TEXT, what TEXT, at TEXT);
CREATE INDEX IF NOT EXISTS effects_by_key ON effects (key);
"""


class Row(NamedTuple):
    """One effect, or one time that a tool ran."""

    tool: str
    key: str
    run_id: str
    what: str


class Database:
    """The effects, in a file that many processes write to."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self) -> None:
        """Make the tables."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)

    def note_call(self, tool: str, call: Call, what: str) -> None:
        """Write down that a tool runs."""
        self._insert("INSERT INTO calls VALUES (?, ?, ?, ?, ?)", tool, call, what)

    def change(self, tool: str, call: Call, what: str) -> None:
        """Make the effect, with the call's key in the same transaction."""
        self._insert("INSERT INTO effects VALUES (?, ?, ?, ?, ?)", tool, call, what)

    def find(self, key: str) -> str | None:
        """Return what was done under a key, or None where nothing was."""
        with self._open() as connection:
            row = connection.execute("SELECT what FROM effects WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def effects(self) -> list[Row]:
        """Return all that was done."""
        return self._rows("SELECT tool, key, run, what FROM effects ORDER BY at")

    def calls(self) -> list[Row]:
        """Return every time that a tool ran, in order."""
        return self._rows("SELECT tool, key, run, what FROM calls ORDER BY at")

    def calls_of(self, run_id: str) -> Counter[str]:
        """Return how often each tool ran in a run."""
        return Counter(row.tool for row in self.calls() if row.run_id == run_id)

    def _insert(self, statement: str, tool: str, call: Call, what: str) -> None:
        at = datetime.now(UTC).isoformat()
        with self._open() as connection:
            connection.execute(statement, (tool, call.key, call.run_id, what, at))

    def _rows(self, statement: str) -> list[Row]:
        with self._open() as connection:
            return [Row(*row) for row in connection.execute(statement)]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        # A frozen process may hold the lock for as long as it is frozen.
        with closing(sqlite3.connect(self._path, timeout=60)) as connection, connection:
            connection.execute("PRAGMA synchronous = NORMAL")
            yield connection


class What(BaseModel):
    """What a tool is asked about; whatever the model says."""

    what: str


def tools(database: Database, doom: Doom) -> dict[str, Tool[Any]]:
    """Return the tools; `doom(run id, step, tool)` may end the process at a step of theirs."""

    async def look_up(call: Call, args: What) -> str:
        await asyncio.to_thread(database.note_call, "look_up", call, args.what)
        await doom(call.run_id, "during-tool", "look_up")
        return f"{args.what} is free"

    def effectful(tool: str, done: str) -> Callable[[Call, What], Awaitable[str]]:
        async def act(call: Call, args: What) -> str:
            await asyncio.to_thread(database.note_call, tool, call, args.what)
            await doom(call.run_id, "during-tool", tool)
            await asyncio.to_thread(database.change, tool, call, args.what)
            await doom(call.run_id, "after-effect", tool)
            return f"{done} {args.what}"

        return act

    async def check(call: Call, _: What) -> str | None:
        what = await asyncio.to_thread(database.find, call.key)
        return None if what is None else f"booked {what}"

    made: list[Tool[Any]] = [
        Tool("look_up", "Looks whether something is free.", What, look_up),
        Tool(
            *("book", "Books something.", What, effectful("book", "booked")),
            effectful=True,
            check=check,
        ),
        Tool(
            *("notify", "Tells people of something.", What, effectful("notify", "told them of")),
            effectful=True,
        ),
    ]
    return {tool.name: tool for tool in made}
