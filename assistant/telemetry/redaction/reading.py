"""Reads the policy file; every fault names the file, the line and the cure."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from assistant.documents import DocumentError, parse, read_text
from assistant.errors import SettingsError
from assistant.telemetry.redaction.policy import Policy


def default_file() -> Path:
    """Return the policy that comes along: the source tree's, or the wheel's own copy."""
    packaged = Path(str(resources.files("assistant"))) / "_config" / "redaction.yaml"
    return packaged if packaged.is_file() else Path(__file__).parents[3] / "config/redaction.yaml"


def read_policy(path: Path) -> Policy:
    """Return the policy in a file.

    Raises:
        SettingsError: when the file cannot be read or used.
    """
    try:
        return parse(path, read_text(path), Policy)
    except DocumentError as fault:
        raise SettingsError(f"REDACTION_FILE: {fault}") from None
