"""Reads persona folders; every fault names the file, the line and the cure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from assistant.documents import DocumentError, parse, places, read_text
from assistant.errors import PersonaError
from assistant.persona import DemoScript, Persona, PersonaFile, SignSet, SignsFile

_SLUG = re.compile(r"[a-z][a-z0-9_]{1,63}")


def load_persona(folder: Path) -> Persona:
    """Read one persona folder: `persona.yaml`, `instructions.md` and, if there, `demo.yaml`.

    The signs that its safety rules watch for come from `signs.yaml` beside the folder.

    Raises:
        PersonaError: when anything in it is missing or wrong.
    """
    try:
        return _load(folder)
    except DocumentError as fault:
        raise PersonaError(str(fault)) from None


def _load(folder: Path) -> Persona:
    names = ("persona.yaml", "instructions.md", "demo.yaml")
    texts = {name: read_text(folder / name) for name in names if (folder / name).is_file()}
    if "instructions.md" not in texts or not texts["instructions.md"].strip():
        detail = f"{folder / 'instructions.md'}: is missing or empty; write there how it speaks"
        raise PersonaError(detail)
    if "persona.yaml" not in texts:
        detail = f"{folder / 'persona.yaml'}: is missing; copy one from another persona and edit it"
        raise PersonaError(detail)
    if not _SLUG.fullmatch(folder.name):
        detail = f"{folder}: is no name for a persona; use a-z, 0-9 and _, such as front_desk"
        raise PersonaError(detail)
    file = parse(folder / "persona.yaml", texts["persona.yaml"], PersonaFile)
    where = places(folder / "persona.yaml", texts["persona.yaml"])
    demo = texts.get("demo.yaml")
    signs = _watched(folder, file, where)
    told = [*texts.items(), *((name, kind.model_dump_json()) for name, kind in signs.items())]
    digest = hashlib.sha256("".join(f"{name}\0{text}\0" for name, text in told).encode())
    return Persona(
        slug=folder.name,
        version=digest.hexdigest()[:12],
        file=file,
        instructions=texts["instructions.md"].strip(),
        demo=None if demo is None else parse(folder / "demo.yaml", demo, DemoScript),
        signs=signs,
        places=where,
    )


def load_personas(folder: Path) -> Mapping[str, Persona]:
    """Read every persona below `folder`, as a whole: one fault and none is returned.

    Raises:
        PersonaError: when a persona is wrong, names one that is not there, or none is found.
    """
    if not folder.is_dir():
        detail = f"{folder}: is no folder; set AGENTS_DIR to the one that holds the personas"
        raise PersonaError(detail)
    found = {p.parent.name: p.parent for p in sorted(folder.glob("*/persona.yaml"))}
    if not found:
        detail = f"{folder}: holds no persona; it needs <name>/persona.yaml and instructions.md"
        raise PersonaError(detail)
    personas = {slug: load_persona(path) for slug, path in found.items()}
    known = ", ".join(personas)
    for persona in personas.values():
        for other in persona.file.handoffs:
            if other not in personas:
                detail = f"{persona.places['handoffs']}: handoffs: no persona '{other}' ({known})"
                raise PersonaError(detail)
        for tool in persona.file.approvals.keys() - set(persona.file.tools):
            detail = f"{persona.places['approvals']}: approvals: '{tool}' is none of its tools"
            raise PersonaError(detail)
    return personas


def _watched(folder: Path, file: PersonaFile, where: Mapping[str, str]) -> Mapping[str, SignSet]:
    names = {name for rule in file.safety for name in rule.watch}
    if not names:
        return {}
    path = folder.parent / "signs.yaml"
    known = parse(path, read_text(path), SignsFile).root
    for name in sorted(names - known.keys()):
        detail = f"{where['safety']}: safety: watches for '{name}', which {path} lacks"
        raise PersonaError(detail)
    return {name: known[name] for name in sorted(names)}
