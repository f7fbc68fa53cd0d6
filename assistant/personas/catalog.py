"""The personas in force: looked up by name, reloaded as a whole when a file changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib import resources
from pathlib import Path

import structlog

from assistant.background import on_change
from assistant.errors import NotFoundError, PersonaError
from assistant.persona import Persona
from assistant.personas.casts import Cast
from assistant.personas.loading import load_personas

log = structlog.get_logger(__name__)

_Stamp = frozenset[tuple[str, int, int]]


def default_folder() -> Path:
    """Return the personas that come along: the source tree's, or the wheel's own copy."""
    packaged = Path(str(resources.files("assistant"))) / "_agents"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "agents"


class Catalog:
    """All personas of one folder.

    An edit goes live only when the whole folder is right; until then the former stays, so a
    slip of the pen never ends a conversation.
    """

    def __init__(
        self,
        folder: Path,
        *,
        default: str,
        check: Callable[[Persona], None] = lambda _: None,
    ) -> None:
        """Read the folder; `check` raises `PersonaError` on what only others can know.

        Raises:
            PersonaError: when a persona is wrong, or the default one is not there.
        """
        self._folder = folder
        self._default = default
        self._check = check
        self._stamp = self._look()
        self._personas = self._load()
        self._casts: dict[str, Cast] = {}

    @property
    def default(self) -> str:
        """The persona of whoever names none."""
        return self._default

    def __iter__(self) -> Iterator[Persona]:
        return iter(self._personas.values())

    def get(self, slug: str | None) -> Persona:
        """Return the persona by that name, or the default one for None.

        Raises:
            NotFoundError: when there is none; names those there are.
        """
        persona = self._personas.get(slug or self._default)
        if persona is None:
            known = ", ".join(sorted(self._personas))
            detail = f"There is no persona by this name. Known: {known}."
            raise NotFoundError(detail)
        return persona

    def cast(self, slug: str) -> Cast:
        """Return the persona and all that it can hand over to, as they are now."""
        cast = Cast.of(slug, self._personas)
        return self._casts.setdefault(cast.name, cast)

    def cast_named(self, name: str) -> Mapping[str, Persona] | None:
        """Return the personas of a cast that this process has seen, else None."""
        cast = self._casts.get(name)
        return cast.personas if cast else None

    async def watch(self, every: float = 1.0) -> None:
        """Reload after each change, for as long as the task lives."""
        await on_change(self._look, self._stamp, self._reload, every=every)

    async def _reload(self) -> None:
        try:
            self._personas = await asyncio.to_thread(self._load)
        except PersonaError as error:
            log.warning("personas.rejected", fault=error.detail)
        else:
            log.info("personas.loaded", versions={p.slug: p.version for p in self})

    def _load(self) -> Mapping[str, Persona]:
        personas = load_personas(self._folder)
        if self._default not in personas:
            known = ", ".join(sorted(personas))
            detail = f"DEFAULT_PERSONA: '{self._default}' is not in {self._folder} (there: {known})"
            raise PersonaError(detail)
        for persona in personas.values():
            self._check(persona)
        return personas

    def _look(self) -> _Stamp:
        stamps = set()
        for path in (*self._folder.glob("*/*"), self._folder / "signs.yaml"):
            # A file may vanish between the two looks; that is a change like any other.
            with suppress(OSError):
                state = path.stat()
                stamps.add((str(path), state.st_mtime_ns, state.st_size))
        return frozenset(stamps)
