"""Personas: who the server can speak as, read from folders and kept current."""

from __future__ import annotations

from assistant.personas.casts import Cast, decode_cast
from assistant.personas.catalog import Catalog, default_folder
from assistant.personas.loading import load_persona, load_personas

__all__ = ["Cast", "Catalog", "decode_cast", "default_folder", "load_persona", "load_personas"]
