"""Reads persona folders; every fault names the file, the line and the cure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from assistant.errors import PersonaError
from assistant.persona import DemoScript, Persona, PersonaFile, SignSet, SignsFile

_Model = TypeVar("_Model", bound=BaseModel)
_LIMIT = 256 * 1024


def load_persona(folder: Path) -> Persona:
    """Read one persona folder: `persona.yaml`, `instructions.md` and, if there, `demo.yaml`.

    The signs that its safety rules watch for come from `signs.yaml` beside the folder.

    Raises:
        PersonaError: when anything in it is missing or wrong.
    """
    names = ("persona.yaml", "instructions.md", "demo.yaml")
    texts = {name: _read(folder / name) for name in names if _present(folder / name)}
    if "instructions.md" not in texts or not texts["instructions.md"].strip():
        detail = f"{folder / 'instructions.md'}: is missing or empty; write there how it speaks"
        raise PersonaError(detail)
    if "persona.yaml" not in texts:
        detail = f"{folder / 'persona.yaml'}: is missing; copy one from another persona and edit it"
        raise PersonaError(detail)
    file = _parse(folder / "persona.yaml", texts["persona.yaml"], PersonaFile)
    demo = texts.get("demo.yaml")
    signs = _watched(folder, file)
    told = [*texts.items(), *((name, kind.model_dump_json()) for name, kind in signs.items())]
    digest = hashlib.sha256("".join(f"{name}\0{text}\0" for name, text in told).encode())
    return Persona(
        slug=folder.name,
        version=digest.hexdigest()[:12],
        file=file,
        instructions=texts["instructions.md"].strip(),
        demo=None if demo is None else _parse(folder / "demo.yaml", demo, DemoScript),
        signs=signs,
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
    for slug, persona in personas.items():
        for other in persona.file.handoffs:
            if other not in personas:
                detail = (
                    f"{found[slug] / 'persona.yaml'}: handoffs names '{other}', which is not here"
                )
                raise PersonaError(detail)
    return personas


def _watched(folder: Path, file: PersonaFile) -> Mapping[str, SignSet]:
    names = {name for rule in file.safety for name in rule.watch}
    if not names:
        return {}
    path = folder.parent / "signs.yaml"
    known = _parse(path, _read(path), SignsFile).root
    for name in sorted(names - known.keys()):
        detail = f"{folder / 'persona.yaml'}: safety watches for '{name}', which {path} lacks"
        raise PersonaError(detail)
    return {name: known[name] for name in sorted(names)}


def _present(path: Path) -> bool:
    return path.is_file()


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
        if len(data) > _LIMIT:
            detail = f"{path}: is larger than {_LIMIT // 1024} KiB; shorten it"
            raise PersonaError(detail)
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        detail = f"{path}:{line}: is not UTF-8; save the file in that encoding"
        raise PersonaError(detail) from None
    except OSError as error:
        detail = f"{path}: cannot be read ({error.strerror}); check its permissions"
        raise PersonaError(detail) from None


def _parse(path: Path, text: str, model: type[_Model]) -> _Model:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_duplicates(path, root)
        # yaml.load with SafeLoader builds plain data only.
        data = yaml.load(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        detail = f"{where}: is not YAML: {error.problem or error.context}; check indent and quotes"
        raise PersonaError(detail) from None
    except (yaml.YAMLError, RecursionError) as error:
        detail = f"{path}: is not YAML: {type(error).__name__}"
        raise PersonaError(detail) from None
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        line, field = _locate(root, first["loc"])
        detail = f"{path}:{line}: {field}: {_cure(first, model)}"
        raise PersonaError(detail) from None


def _refuse_duplicates(path: Path, node: yaml.Node | None) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                detail = f"{path}:{key.start_mark.line + 1}: '{key.value}' stands twice; keep one"
                raise PersonaError(detail)
            seen.add(key.value)
            _refuse_duplicates(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_duplicates(path, value)


def _locate(node: yaml.Node | None, loc: tuple[int | str, ...]) -> tuple[int, str]:
    """Return the line, from 1, and the dotted name of the place that `loc` points at."""
    line = node.start_mark.line + 1 if node else 1
    for part in loc:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        elif isinstance(node, yaml.MappingNode):
            pairs = [(k, v) for k, v in node.value if k.value == part]
            if not pairs:
                break
            line, node = pairs[0][0].start_mark.line + 1, pairs[0][1]
            continue
        else:
            break
        line = node.start_mark.line + 1
    return line, ".".join(str(part) for part in loc) or "the file"


def _cure(fault: Mapping[str, Any], model: type[BaseModel]) -> str:
    match fault["type"]:
        case "missing":
            return "is missing; add it"
        case "extra_forbidden":
            fields = ", ".join(model.model_fields)
            return f"is not known; remove it or correct its name (known at the top: {fields})"
        case _:
            text = str(fault["msg"]).removeprefix("Value error, ")
            for lead in ("Input should ", "String should "):
                text = text.replace(lead, "must ")
            return text
