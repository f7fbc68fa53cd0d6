"""Holds the conversations of a clinic's front desk with its tools, without a language model."""

from __future__ import annotations

from collections.abc import Mapping

from assistant.clinic.dialogue.front_desk import converse
from assistant.dialogue import Dialogue

__all__ = ["DIALOGUES", "converse"]

DIALOGUES: Mapping[str, Dialogue] = {"clinic": converse}
