"""Persona folders made for a test."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.conftest import DATA

YAML = """\
name: Ann
title: A listener
description: Listens.
greeting: Hello.
notice: This is an AI.
"""


def make(
    root: Path,
    slug: str = "ann",
    *,
    extra: str = "",
    persona: str | bytes = YAML,
    instructions: str | bytes = "Listen.",
    demo: str | bytes = "otherwise: [Hm.]",
) -> Path:
    """Write a persona that is right, but for what is given; `extra` goes at its YAML's end."""
    folder = root / slug
    folder.mkdir(parents=True, exist_ok=True)
    whole = persona + extra if isinstance(persona, str) else persona
    for stem, text in (("persona", whole), ("instructions", instructions), ("demo", demo)):
        path = folder / f"{stem}.{'md' if stem == 'instructions' else 'yaml'}"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def copy(root: Path) -> Path:
    """Copy the personas of the tests."""
    return Path(shutil.copytree(DATA / "agents", root / "agents"))
