"""Reads persona folders; every fault names the file, the line and the cure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from assistant.errors import PersonaError
from assistant.persona import DemoScript, Persona, PersonaFile, SignSet, SignsFile

_Model = TypeVar("_Model", bound=BaseModel)
_LIMIT = 256 * 1024
_SLUG = re.compile(r"[a-z][a-z0-9_]{1,63}")


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
    if not _SLUG.fullmatch(folder.name):
        detail = f"{folder}: is no name for a persona; use a-z, 0-9 and _, such as front_desk"
        raise PersonaError(detail)
    file = _parse(folder / "persona.yaml", texts["persona.yaml"], PersonaFile)
    places = _places(folder / "persona.yaml", texts["persona.yaml"])
    demo = texts.get("demo.yaml")
    signs = _watched(folder, file, places)
    told = [*texts.items(), *((name, kind.model_dump_json()) for name, kind in signs.items())]
    digest = hashlib.sha256("".join(f"{name}\0{text}\0" for name, text in told).encode())
    return Persona(
        slug=folder.name,
        version=digest.hexdigest()[:12],
        file=file,
        instructions=texts["instructions.md"].strip(),
        demo=None if demo is None else _parse(folder / "demo.yaml", demo, DemoScript),
        signs=signs,
        places=places,
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


def _watched(folder: Path, file: PersonaFile, places: Mapping[str, str]) -> Mapping[str, SignSet]:
    names = {name for rule in file.safety for name in rule.watch}
    if not names:
        return {}
    path = folder.parent / "signs.yaml"
    known = _parse(path, _read(path), SignsFile).root
    for name in sorted(names - known.keys()):
        detail = f"{places['safety']}: safety: watches for '{name}', which {path} lacks"
        raise PersonaError(detail)
    return {name: known[name] for name in sorted(names)}


def _present(path: Path) -> bool:
    return path.is_file()


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        detail = f"{path}: cannot be read ({error.strerror}); check its permissions"
        raise PersonaError(detail) from None
    if len(data) > _LIMIT:
        detail = f"{path}: is larger than {_LIMIT // 1024} KiB; shorten it"
        raise PersonaError(detail)
    try:
        # Some editors begin a file with a byte order mark.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        detail = f"{path}:{line}: is not UTF-8; save the file in that encoding"
        raise PersonaError(detail) from None


def _parse(path: Path, text: str, model: type[_Model]) -> _Model:
    root, data = _yaml(path, text)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        # A name that is spelled wrong is also missing where it should stand; the slip comes first.
        first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
        line, field = _locate(root, first["loc"])
        detail = f"{path}:{line}: {field}: {_cure(first, model)}"
        raise PersonaError(detail) from None


def _yaml(path: Path, text: str) -> tuple[yaml.Node | None, Any]:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_duplicates(path, root, set())
        # yaml.load with SafeLoader builds plain data only.
        return root, yaml.load(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        detail = f"{where}: is not YAML: {error.problem or error.context}; check indent and quotes"
        raise PersonaError(detail) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        detail = f"{path}:{line}: is not YAML: it holds a control character; remove it"
        raise PersonaError(detail) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        detail = f"{path}: is not YAML: {type(error).__name__}; make it simpler"
        raise PersonaError(detail) from None


def _places(path: Path, text: str) -> Mapping[str, str]:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else ()
    return {key.value: f"{path}:{key.start_mark.line + 1}" for key, _ in pairs}


def _refuse_duplicates(path: Path, node: yaml.Node | None, done: set[int]) -> None:
    # An alias stands for a node that was looked at already.
    if node is None or id(node) in done:
        return
    done.add(id(node))
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                detail = f"{path}:{line}: a name must be plain text; quote it"
                raise PersonaError(detail)
            if key.value in seen:
                detail = f"{path}:{line}: '{key.value}' stands twice; keep one"
                raise PersonaError(detail)
            seen.add(key.value)
            _refuse_duplicates(path, value, done)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_duplicates(path, value, done)


def _locate(node: yaml.Node | None, loc: tuple[int | str, ...]) -> tuple[int, str]:
    """Return the line and the dotted name of the place that `loc` points at, counted from 1."""
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
    names = (str(part + 1) if isinstance(part, int) else part for part in loc)
    return line, ".".join(names) or "the file"


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
