"""`assistant personas`: checks the persona files, or prints the schema of one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

import msgspec
from pydantic import BaseModel

from assistant.persona import DemoScript, PersonaFile, SignsFile
from assistant.personas import default_folder, load_personas
from assistant.settings import Settings
from assistant.telemetry.redaction import Policy

_SCHEMAS: Mapping[str, type[BaseModel]] = {
    "persona": PersonaFile,
    "demo": DemoScript,
    "signs": SignsFile,
    "redaction": Policy,
}


def check(options: argparse.Namespace, settings: Settings) -> int:
    """Load the personas of a folder and name them, or print a schema."""
    if options.schema:
        model = _SCHEMAS[options.schema]
        schema = msgspec.json.format(msgspec.json.encode(model.model_json_schema()), indent=2)
        sys.stdout.write(schema.decode() + "\n")
        return 0
    folder = options.folder or settings.agents_dir or default_folder()
    for persona in load_personas(folder).values():
        sys.stdout.write(f"{persona.slug}  {persona.version}  {persona.file.title}\n")
    return 0
