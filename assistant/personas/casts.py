"""The personas that play in one run, exactly as they were when it began."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from assistant.persona import Persona

_personas: TypeAdapter[tuple[Persona, ...]] = TypeAdapter(tuple[Persona, ...])


@dataclass(frozen=True, slots=True)
class Cast:
    """A persona and all that it can hand over to.

    Attributes:
        name: the first 24 hex digits of the SHA-256 over their names and versions.
    """

    name: str
    personas: Mapping[str, Persona]

    @classmethod
    def of(cls, slug: str, known: Mapping[str, Persona]) -> Cast:
        """Return the cast that begins with a persona."""
        found, todo = {}, [slug]
        while todo:
            name = todo.pop()
            if name not in found:
                found[name] = known[name]
                todo.extend(known[name].file.handoffs)
        versions = " ".join(sorted(f"{p.slug}:{p.version}" for p in found.values()))
        return cls(hashlib.sha256(versions.encode()).hexdigest()[:24], found)

    def encode(self) -> bytes:
        """Return the whole cast as JSON."""
        return _personas.dump_json(tuple(self.personas.values()))


def decode_cast(raw: bytes) -> Mapping[str, Persona]:
    """Return the personas that `Cast.encode` wrote, by name."""
    return {persona.slug: persona for persona in _personas.validate_json(raw)}
