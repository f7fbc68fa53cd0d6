"""What may be typed: the commands and their options, of which nothing else is loaded here."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import assistant
from assistant.settings import Settings

Act = Callable[[argparse.Namespace, Settings], int]
"""A command: takes what was typed and the configuration, and returns the exit code."""

_Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse gives it no public name


def make_parser() -> argparse.ArgumentParser:
    """Return the parser; what it parses has in `load` a function that returns the command."""
    parser = argparse.ArgumentParser(
        prog="assistant", description="Persona agents over SSE and WebSocket, from a durable log."
    )
    parser.add_argument("--version", action="version", version=assistant.__version__)
    parser.add_argument(
        "--env-file", type=Path, default=Path(".env"), help="settings to read (default: .env)"
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_processes(commands)
    chat = commands.add_parser("chat", help="talk to a persona of a running server")
    chat.add_argument("persona", nargs="?", help="who to talk to (default: the server's default)")
    chat.add_argument("--url", default="http://127.0.0.1:8000", help="the server")
    chat.set_defaults(load=_later("terminal", "chat"))
    personas = commands.add_parser("personas", help="check the persona files, or print a schema")
    personas.add_argument("folder", nargs="?", type=Path, help="folder to check (AGENTS_DIR)")
    schemas = ("demo", "persona", "redaction", "signs")
    personas.add_argument("--schema", choices=schemas, help="print a JSON Schema")
    personas.set_defaults(load=_later("personas", "check"))
    doctor = commands.add_parser("doctor", help="check settings, personas, model and store")
    doctor.set_defaults(load=_later("doctor", "look"))
    _add_key(commands)
    _add_clinic(commands)
    return parser


def _later(module: str, name: str) -> Callable[[], Act]:
    """Return what loads a command: each takes a while, and one at most is wanted."""

    def load() -> Act:
        act: Act = getattr(import_module(f"assistant.cli.{module}"), name)
        return act

    return load


def _add_processes(commands: _Commands[argparse.ArgumentParser]) -> None:
    server = commands.add_parser("serve", help="run the server")
    server.add_argument("--host", help="address to listen on (HOST)")
    server.add_argument("--port", help="port to listen on, 0 for a free one (PORT)")
    server.set_defaults(load=_later("serving", "serve"))
    worker = commands.add_parser("worker", help="execute runs for servers (RUN_MODE=workers)")
    worker.add_argument("--host", help="address to tell its health on (HOST)")
    worker.add_argument("--port", dest="worker_port", help="port to tell it on (WORKER_PORT)")
    worker.set_defaults(load=_later("serving", "work"))


def _add_key(commands: _Commands[argparse.ArgumentParser]) -> None:
    key = commands.add_parser("key", help="make a key for somebody (AUTH_MODE=api_key)")
    key.add_argument("--name", required=True, help="whose it is")
    key.add_argument(
        "--role",
        dest="roles",
        action="append",
        default=[],
        help="patient, staff, operator, or one that an approval names; may be given several times",
    )
    key.add_argument("--subject", help="a patient's number, such as P-100001")
    key.set_defaults(load=_later("keys", "make"))


def _add_clinic(commands: _Commands[argparse.ArgumentParser]) -> None:
    clinic = commands.add_parser("clinic", help="make, fill or describe the clinic's database")
    acts = clinic.add_subparsers(required=True, metavar="act")
    make = acts.add_parser("init", help="make its tables, or bring them up to this version")
    make.add_argument("--app-user", metavar="NAME", help="let the server's role in (PostgreSQL)")
    make.set_defaults(load=_later("clinic", "make"))
    seed = acts.add_parser("seed", help="fill empty tables with a demo clinic")
    seed.add_argument("--seed", type=int, metavar="N", help="another demo")
    seed.set_defaults(load=_later("clinic", "seed"))
    status = acts.add_parser("status", help="tell version, number of rows, and what is wrong")
    status.set_defaults(load=_later("clinic", "describe"))
