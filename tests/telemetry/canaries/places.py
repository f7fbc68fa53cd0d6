"""The places that are searched, and what is found there against who may show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.telemetry.canaries.coinage import Canary
from tests.telemetry.canaries.search import Search

_OWN = ("clinic.db", "appendonly")
"""Files of the clinic and of the store, which hold what people said: that is what they are for."""


@dataclass(frozen=True, slots=True)
class Place:
    """Something that somebody could read who should not know.

    Attributes:
        content: whether it is there to hold what people say: then names may be in it.
    """

    name: str
    text: str
    content: bool = False


def leaks(places: Iterable[Place], canaries: Iterable[Canary]) -> list[str]:
    """Return which canaries are shown, where, and the line that shows each."""
    search = Search(canaries)
    return sorted(
        f"{canary}, in {place.name}: {line}"
        for place in places
        for canary, line in search.lines(place.text).items()
        if canary.redactable or not place.content
    )


def names_told(places: Iterable[Place], canaries: Iterable[Canary]) -> set[str]:
    """Return the turns of whose names some are where they may be."""
    search = Search(canary for canary in canaries if not canary.redactable)
    return {c.owner for place in places if place.content for c in search.find(place.text)}


def files(folder: Path) -> Iterator[Place]:
    """Yield every file of a folder but those of the clinic and the store."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(name in str(path) for name in _OWN):
            text = path.read_bytes().decode("utf-8", "replace")
            yield Place(f"file {path.relative_to(folder)}", f"{path.name}\n{text}")
