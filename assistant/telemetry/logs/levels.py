"""How much each logger says, and which of them are held: what they say in detail is content."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import lru_cache

from assistant.errors import SettingsError

_QUIET = "holds nothing that our own lines do not"
HELD: Mapping[str, tuple[str, str]] = {
    "agents": ("WARNING", "names tools' arguments and what they answer"),
    "aiohttp.access": ("WARNING", "writes paths, queries and addresses; ours is `http.request`"),
    "aiosqlite": ("WARNING", "writes statements with the values in them"),
    "alembic": ("WARNING", _QUIET),
    "asyncpg": ("WARNING", "writes statements with the values in them"),
    "grpc": ("WARNING", _QUIET),
    "hpack": ("WARNING", "writes headers"),
    "httpcore": ("WARNING", "writes headers"),
    "httpcore2": ("WARNING", "writes headers"),
    "httpx": ("WARNING", "writes whole URLs"),
    "httpx2": ("WARNING", "writes whole URLs"),
    "mcp": ("WARNING", "writes whole messages"),
    "openai": ("WARNING", "writes requests with their bodies, and answers"),
    "openai-agents": ("WARNING", "writes what the model is given and answers"),
    "openai.agents": ("WARNING", "writes what the model is given, answers, and calls tools with"),
    "opentelemetry": ("WARNING", "writes attributes and what a collector answers"),
    "redis": ("WARNING", "writes commands with the values in them"),
    "requests": ("WARNING", "writes URLs"),
    "sqlalchemy": ("WARNING", "writes statements, the values in them and the rows found"),
    "taskiq": ("WARNING", _QUIET),
    "taskiq_redis": ("WARNING", _QUIET),
    "urllib3": ("WARNING", "writes URLs"),
    "websockets": ("WARNING", "writes frames"),
}
"""Loggers of libraries by name, with the least level of theirs that is written, and why.

A row holds for those below its name as well. No setting lowers it.
"""
NAMES = logging.getLevelNamesMapping()


def set_levels(level: str, levels: Mapping[str, str]) -> None:
    """Set the level of all loggers, and of some by their names.

    Raises:
        SettingsError: when one that is held is to say more than it may.
    """
    for name, wanted in levels.items():
        held = _held(name)
        if held and NAMES[wanted] < NAMES[held[0]]:
            detail = (
                f"LOG_LEVELS: {name} stays at {held[0]} or above, as it {held[1]}; "
                f"take {name} out, or set {name}={held[0]}"
            )
            raise SettingsError(detail)
    logging.getLogger().setLevel(level)
    for name, (least, _) in HELD.items():
        logging.getLogger(name).setLevel(least)
    for name, wanted in levels.items():
        logging.getLogger(name).setLevel(wanted)


@lru_cache(maxsize=1024)
def least_of(name: str) -> int:
    """Return the least level of a library's logger that is written, whatever it set itself."""
    held = _held(name)
    return NAMES[held[0]] if held else logging.NOTSET


def _held(name: str) -> tuple[str, str] | None:
    parts = name.split(".")
    names = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((HELD[known] for known in names if known in HELD), None)
