"""`AUTH_MODE=api_key`: keys of our making, of which a file holds the hashes and the roles."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import yaml
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assistant.errors import UnauthenticatedError
from assistant.models import Principal
from assistant.web.identity.credentials import token_of
from assistant.web.identity.files import WatchedFile, watched
from assistant.web.identity.principals import ROLE, SUBJECT, principal_of
from assistant.web.keys import Identify

HEADER = "X-API-Key"
_PREFIX = "pak_"


class Entry(BaseModel):
    """One key of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9._@-]{1,64}$")
    hash: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    roles: tuple[Annotated[str, Field(pattern=ROLE)], ...] = ()
    subject: str | None = Field(None, pattern=SUBJECT)

    @property
    def principal(self) -> Principal:
        """On whose behalf the key speaks; raises `ValueError` where it cannot."""
        return principal_of(self.name, self.roles, self.subject, kind="key")


class _KeysFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    keys: tuple[Entry, ...]


def new_key(name: str, roles: Sequence[str], subject: str | None) -> tuple[str, Entry]:
    """Return a new key, to be shown once, and the entry by which the server knows it.

    Raises:
        ValueError: when name, roles and subject do not go together.
    """
    key = _PREFIX + secrets.token_urlsafe(32)
    entry = Entry(name=name, hash=_hash(key), roles=tuple(roles), subject=subject)
    _ = entry.principal
    return key, entry


@asynccontextmanager
async def open_keys(path: Path) -> AsyncIterator[Identify]:
    """Take a file's keys for proof of who somebody is, as the file is at that moment.

    Raises:
        SettingsError: when the file is wrong.
    """
    async with watched("API_KEYS_FILE", path, parse_keys) as file:
        yield _by_key(file)


def parse_keys(data: bytes) -> Mapping[str, Principal]:
    """Return whom each key's hash stands for.

    Raises:
        ValueError: when anything in the file is wrong; it says where, but shows no value.
    """
    found: dict[str, Principal] = {}
    names: dict[str, Principal] = {}
    for number, entry in enumerate(_entries(data)):
        try:
            who = entry.principal
        except ValueError as error:
            fault = f"keys.{number}: {error}"
            raise ValueError(fault) from None
        # Two keys may be one person's, as while one takes the other's place; but not with
        # different roles, as what they own is the same.
        if found.setdefault(entry.hash, who) != who or names.setdefault(who.name, who) != who:
            fault = f"keys.{number}: another key has the same name or hash, but not the same rights"
            raise ValueError(fault)
    return found


def _entries(data: bytes) -> Sequence[Entry]:
    try:
        return _KeysFile.model_validate(yaml.safe_load(data)).keys
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        fault = f"is not YAML{line}"
        raise ValueError(fault) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "the file"
        fault = f"{place}: {first['msg']} (`assistant key` prints entries as they must be)"
        raise ValueError(fault) from None


def _by_key(file: WatchedFile[Mapping[str, Principal]]) -> Identify:
    async def identify(request: web.Request) -> Principal:
        # Looked up by hash: how long that takes tells nothing of the keys that are there.
        who = file.content.get(_hash(token_of(request, header=HEADER)))
        if who is None:
            detail = "This key is not known here, or not any more."
            raise UnauthenticatedError(detail)
        return who

    return identify


def _hash(key: str) -> str:
    # A slow hash is for what people choose; 256 random bits cannot be guessed from a fast one.
    return f"sha256:{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()}"
