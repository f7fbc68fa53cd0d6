"""Reads the policy file; every fault names the file, the line and the cure."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from assistant.errors import SettingsError
from assistant.telemetry.redaction.policy import Policy

_LIMIT = 256 * 1024


def default_file() -> Path:
    """Return the policy that comes along: the source tree's, or the wheel's own copy."""
    packaged = Path(str(resources.files("assistant"))) / "_config" / "redaction.yaml"
    return packaged if packaged.is_file() else Path(__file__).parents[3] / "config/redaction.yaml"


def read_policy(path: Path) -> Policy:
    """Return the policy in a file.

    Raises:
        SettingsError: when the file cannot be read or used.
    """
    text = _read(path)
    root, data = _parse(path, text)
    try:
        return Policy.model_validate(data)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        line, place = _locate(root, fault["loc"])
        says = str(fault["msg"]).removeprefix("Value error, ").replace("Input should", "must")
        cure = {
            "extra_forbidden": "there is no such field; see config/redaction.schema.json",
            "missing": "is missing; add it, or copy config/redaction.yaml and edit that",
        }.get(fault["type"], says[:1].lower() + says[1:])
        raise SettingsError(f"REDACTION_FILE: {path}:{line}: {place}: {cure}") from None


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _LIMIT:
            detail = f"REDACTION_FILE: {path}: is larger than {_LIMIT // 1024} KiB; make it shorter"
            raise SettingsError(detail)
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        detail = f"REDACTION_FILE: {path}: is not UTF-8; save the file in that encoding"
        raise SettingsError(detail) from None
    except OSError as error:
        detail = (
            f"REDACTION_FILE: {path}: cannot be read ({error.strerror}); name a file that is there"
        )
        raise SettingsError(detail) from None


def _parse(path: Path, text: str) -> tuple[yaml.Node | None, Any]:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        detail = f"REDACTION_FILE: {where}: is not YAML: {error.problem}; check indent and quotes"
        raise SettingsError(detail) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        detail = f"REDACTION_FILE: {path}: is not YAML: {type(error).__name__}; make it simpler"
        raise SettingsError(detail) from None


def _locate(node: yaml.Node | None, loc: tuple[int | str, ...]) -> tuple[int, str]:
    """Return the line and the dotted name of the place that `loc` points at, counted from 1."""
    line = 1
    for part in loc:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        elif isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == part]
            if not found:
                break
            node = found[0][1]
        else:
            break
        line = node.start_mark.line + 1
    names = (str(part + 1) if isinstance(part, int) else part for part in loc)
    return line, ".".join(names) or "the file"
