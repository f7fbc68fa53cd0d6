"""Reads YAML files that people edit; every fault names the file, the line and the cure."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml.composer import Composer
from yaml.constructor import SafeConstructor

LIMIT = 256 * 1024
"""Bytes of the longest file."""

_Model = TypeVar("_Model", bound=BaseModel)


if yaml.__with_libyaml__:

    class _QuickLoader(Composer, yaml.CSafeLoader):
        """Reads by libyaml, in a twentieth of the time, and puts together in Python.

        PyYAML's own way of putting together ends the process on a file of brackets only; this
        one raises `RecursionError`.
        """

        def __init__(self, stream: str) -> None:
            yaml.CSafeLoader.__init__(self, stream)
            Composer.__init__(self)


class DocumentError(Exception):
    """A file cannot be used; its text says where, why and what to do."""


def read_text(path: Path) -> str:
    """Return a file's text.

    Raises:
        DocumentError: when it cannot be read, is too long, or no UTF-8.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        detail = f"{path}: cannot be read ({error.strerror}); check its name and permissions"
        raise DocumentError(detail) from None
    if len(data) > LIMIT:
        detail = f"{path}: is larger than {LIMIT // 1024} KiB; shorten it"
        raise DocumentError(detail)
    try:
        # Some editors begin a file with a byte order mark.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        detail = f"{path}:{line}: is not UTF-8; save the file in that encoding"
        raise DocumentError(detail) from None


def parse(path: Path, text: str, model: type[_Model]) -> _Model:
    """Return what the text of a file says, in a model's terms.

    Raises:
        DocumentError: when it is not YAML, says something twice, or is not as the model must be.
    """
    root, data = _yaml(path, text)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        # A name that is spelled wrong is also missing where it should stand; the slip comes first.
        first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
        line, field = _locate(root, first["loc"])
        detail = f"{path}:{line}: {field}: {_cure(first, model)}"
        raise DocumentError(detail) from None


def places(path: Path, text: str) -> Mapping[str, str]:
    """Return where each name at the top of a file stands, as `file:line`."""
    root = _compose(text)
    pairs = root.value if isinstance(root, yaml.MappingNode) else ()
    return {key.value: f"{path}:{key.start_mark.line + 1}" for key, _ in pairs}


def _yaml(path: Path, text: str) -> tuple[yaml.Node | None, Any]:
    try:
        root = _compose(text)
        _refuse_duplicates(path, root, set())
        # It builds plain data only.
        return root, None if root is None else SafeConstructor().construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        detail = f"{where}: is not YAML: {error.problem or error.context}; check indent and quotes"
        raise DocumentError(detail) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        detail = f"{path}:{line}: is not YAML: it holds a control character; remove it"
        raise DocumentError(detail) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        detail = f"{path}: is not YAML: {type(error).__name__}; make it simpler"
        raise DocumentError(detail) from None


def _compose(text: str) -> yaml.Node | None:
    if yaml.__with_libyaml__:
        # A fault is told by the other one, in the same words on every machine.
        with suppress(yaml.YAMLError):
            return yaml.compose(text, Loader=_QuickLoader)
    return yaml.compose(text, Loader=yaml.SafeLoader)


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
                raise DocumentError(detail)
            if key.value in seen:
                detail = f"{path}:{line}: '{key.value}' stands twice; keep one"
                raise DocumentError(detail)
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
            # What `<<` brought in stands before what the file says itself, which wins.
            line, node = pairs[-1][0].start_mark.line + 1, pairs[-1][1]
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
