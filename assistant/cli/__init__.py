"""The command line and its commands; alone in reading the environment."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
from dotenv import dotenv_values
from pydantic import BaseModel

import assistant
from assistant.cli.clinic import add_clinic_command
from assistant.cli.doctor import add_doctor_command
from assistant.cli.keys import add_key_command
from assistant.cli.serving import serve, work
from assistant.cli.terminal import talk
from assistant.cli.variables import with_telemetry
from assistant.errors import AssistantError
from assistant.persona import DemoScript, PersonaFile, SignsFile
from assistant.personas import default_folder, load_personas
from assistant.settings import Settings
from assistant.telemetry import configure_logging, log_crashes, open_telemetry, redact
from assistant.telemetry.redaction import Policy, use_policy
from assistant.tool import Tools
from assistant.web import Identify

_SCHEMAS: Mapping[str, type[BaseModel]] = {
    "persona": PersonaFile,
    "demo": DemoScript,
    "signs": SignsFile,
    "redaction": Policy,
}
_Act = Callable[[argparse.Namespace, Settings], int]


def main(
    arguments: Sequence[str] | None = None,
    *,
    tools: Tools | None = None,
    identify: Identify | None = None,
) -> int:
    """Run a command.

    Args:
        arguments: as typed; without them the process's own.
        tools: an embedding program's own tools, by name, which its personas may use.
        identify: says on whose behalf a request is made; without it everyone is a visitor.

    Returns:
        The exit code: 0 all well, 1 something failed, 2 wrong usage, setting or file.
    """
    options = _parser().parse_args(arguments)
    options.tools, options.identify = tools, identify
    act: _Act = options.act
    try:
        settings = Settings.from_mapping(with_telemetry(_environment(options)))
        use_policy(settings.redaction_file)
        level = "DEBUG" if settings.debug else settings.log_level
        configure_logging(level, settings.log_format, levels=settings.log_levels)
        log_crashes()
        return act(options, settings)
    except AssistantError as error:
        # A key that was pasted to where none belongs is not shown either.
        sys.stderr.write(f"assistant: {redact(error.detail)}\n")
        return 2
    except KeyboardInterrupt:
        return 130


def _environment(options: argparse.Namespace) -> Mapping[str, str | None]:
    """Return the settings' sources merged: flags over environment over file."""
    flags = {
        name.upper(): value
        for name in ("host", "port", "worker_port")
        if (value := getattr(options, name, None)) is not None
    }
    return {**dotenv_values(options.env_file), **os.environ, **flags}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="assistant", description="Persona agents over SSE and WebSocket, from a durable log."
    )
    parser.add_argument("--version", action="version", version=assistant.__version__)
    parser.add_argument(
        "--env-file", type=Path, default=Path(".env"), help="settings to read (default: .env)"
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    server = commands.add_parser("serve", help="run the server")
    server.add_argument("--host", help="address to listen on (HOST)")
    server.add_argument("--port", help="port to listen on, 0 for a free one (PORT)")
    server.set_defaults(act=_serve)
    worker = commands.add_parser("worker", help="execute runs for servers (RUN_MODE=workers)")
    worker.add_argument("--host", help="address to tell its health on (HOST)")
    worker.add_argument("--port", dest="worker_port", help="port to tell it on (WORKER_PORT)")
    worker.set_defaults(act=_work)
    chat = commands.add_parser("chat", help="talk to a persona of a running server")
    chat.add_argument("persona", nargs="?", help="who to talk to (default: the server's default)")
    chat.add_argument("--url", default="http://127.0.0.1:8000", help="the server")
    chat.set_defaults(act=_chat)
    personas = commands.add_parser("personas", help="check the persona files, or print a schema")
    personas.add_argument("folder", nargs="?", type=Path, help="folder to check (AGENTS_DIR)")
    personas.add_argument("--schema", choices=sorted(_SCHEMAS), help="print a JSON Schema")
    personas.set_defaults(act=_personas)
    add_doctor_command(commands)
    add_key_command(commands)
    add_clinic_command(commands)
    return parser


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    with open_telemetry(settings, "server"):
        return asyncio.run(serve(settings, options.tools, options.identify))


def _work(options: argparse.Namespace, settings: Settings) -> int:
    with open_telemetry(settings, "worker"):
        return asyncio.run(work(settings, options.tools))


def _chat(options: argparse.Namespace, _settings: Settings) -> int:
    return asyncio.run(
        talk(options.url, options.persona, _environment(options).get("ASSISTANT_TOKEN"))
    )


def _personas(options: argparse.Namespace, settings: Settings) -> int:
    if options.schema:
        model = _SCHEMAS[options.schema]
        schema = msgspec.json.format(msgspec.json.encode(model.model_json_schema()), indent=2)
        sys.stdout.write(schema.decode() + "\n")
        return 0
    folder = options.folder or settings.agents_dir or default_folder()
    for persona in load_personas(folder).values():
        sys.stdout.write(f"{persona.slug}  {persona.version}  {persona.file.title}\n")
    return 0
