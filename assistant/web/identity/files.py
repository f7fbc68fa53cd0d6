"""A file that is read again whenever it changes; a broken edit keeps what was there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from assistant.background import on_change, running
from assistant.errors import SettingsError

log = structlog.get_logger(__name__)

_LIMIT = 1024 * 1024
_Content = TypeVar("_Content")


class WatchedFile(Generic[_Content]):
    """What a file says now.

    Attributes:
        content: the last that could be read.
    """

    def __init__(self, setting: str, path: Path, parse: Callable[[bytes], _Content]) -> None:
        """Read the file.

        Args:
            setting: the setting that names it, for errors.
            path: the file.
            parse: makes its content of its bytes; raises `ValueError` that tells fault and cure.

        Raises:
            SettingsError: when it cannot be read, or says something wrong.
        """
        self._setting = setting
        self._path = path
        self._parse = parse
        self._stamp = self._look()
        self.content = self._read()

    async def watch(self, every: float = 1.0) -> None:
        """Read it again after each change, for as long as the task lives."""
        await on_change(self._look, self._stamp, self._reload, every=every)

    async def _reload(self) -> None:
        try:
            self.content = await asyncio.to_thread(self._read)
        except SettingsError as error:
            log.error("identity.file.rejected", fault=error.detail)  # noqa: TRY400 - no crash
        else:
            log.info("identity.file.loaded", setting=self._setting)

    def _look(self) -> tuple[int, int, int] | None:
        try:
            state = self._path.stat()
        except OSError:
            return None
        return state.st_mtime_ns, state.st_size, state.st_ino

    def _read(self) -> _Content:
        try:
            return self._parse(_bytes(self._path))
        except OSError as error:
            detail = f"{self._setting}: {self._path} cannot be read ({error.strerror})"
            raise SettingsError(detail) from None
        except ValueError as error:
            detail = f"{self._setting}: {self._path}: {error}"
            raise SettingsError(detail) from None


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(_LIMIT + 1)
    if len(data) > _LIMIT:
        fault = f"is larger than {_LIMIT} bytes; shorten it"
        raise ValueError(fault)
    return data


@asynccontextmanager
async def watched(
    setting: str, path: Path, parse: Callable[[bytes], _Content]
) -> AsyncIterator[WatchedFile[_Content]]:
    """Read a file, and again whenever it changes while the context lasts.

    Raises:
        SettingsError: when it cannot be read, or says something wrong.
    """
    file = await asyncio.to_thread(WatchedFile, setting, path, parse)
    async with running(file.watch, "identity.file.watch"):
        yield file
