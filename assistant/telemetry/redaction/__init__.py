"""Takes what is secret or private out of what leaves the process: one entry, one policy file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assistant.telemetry.redaction.policy import Policy
from assistant.telemetry.redaction.reading import default_file, read_policy
from assistant.telemetry.redaction.redactor import Redactor

__all__ = ["Policy", "Redactor", "counts", "redact", "redact_content", "use_policy"]

# The process's one redactor, as logging is the process's: made when first needed.
_in_force: list[Redactor] = []


def use_policy(path: Path | None) -> None:
    """Put the policy of a file in force, for None the one that comes along.

    Raises:
        SettingsError: when the file cannot be used; names place, fault and cure.
    """
    _in_force[:] = [Redactor(read_policy(path or default_file()))]


def redact(value: Any) -> Any:
    """Return the same shape without what the policy names.

    Takes a text, or anything made of JSON's types; anything else is shown as text. Never raises.
    Linear in the size of what it is given; what comes out is at most 24 times as long.
    """
    return _redactor().redact(value)


def redact_content(value: Any) -> Any:
    """Return the same as `redact`, but keep what people said where it was asked to be captured.

    Only the names of content (`content`, `gen_ai.input.messages`, …) no longer decide by
    themselves; whatever else the policy names is taken out of it.
    """
    return _redactor().redact(value, content=True)


def counts() -> Mapping[str, int]:
    """Return how many values of each kind were taken out since the policy came into force."""
    return _redactor().counts


def _redactor() -> Redactor:
    if not _in_force:
        use_policy(None)
    return _in_force[0]
