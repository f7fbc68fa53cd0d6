"""`assistant clinic`: makes, fills and describes the clinic's database."""

from __future__ import annotations

import argparse
import asyncio
import sys

from assistant.clinic import ClinicOptions
from assistant.clinic.upkeep.owner import fill, initialise
from assistant.clinic.upkeep.seeding import DEFAULT_SEED
from assistant.clinic.upkeep.state import find_state
from assistant.models import now
from assistant.settings import Settings
from assistant.wiring import clinic_options


def add_clinic_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line's others."""
    clinic = commands.add_parser("clinic", help="make, fill or describe the clinic's database")
    acts = clinic.add_subparsers(required=True, metavar="act")
    make = acts.add_parser("init", help="make its tables, or bring them up to this version")
    make.add_argument("--app-user", metavar="NAME", help="let the server's role in (PostgreSQL)")
    make.set_defaults(act=_initialise)
    seed = acts.add_parser("seed", help="fill empty tables with a demo clinic")
    seed.add_argument("--seed", type=int, default=DEFAULT_SEED, metavar="N", help="another demo")
    seed.set_defaults(act=_fill)
    status = acts.add_parser("status", help="tell version, number of rows, and what is wrong")
    status.set_defaults(act=_describe)


def _initialise(options: argparse.Namespace, settings: Settings) -> int:
    asyncio.run(initialise(clinic_options(settings), options.app_user))
    sys.stdout.write("The clinic's tables are there, of this version.\n")
    return 0


def _fill(options: argparse.Namespace, settings: Settings) -> int:
    if asyncio.run(fill(clinic_options(settings), options.seed, now())):
        sys.stdout.write("The clinic is filled with invented people and appointments.\n")
        return 0
    sys.stderr.write("assistant: the clinic has patients already; nothing was changed\n")
    return 1


def _describe(_options: argparse.Namespace, settings: Settings) -> int:
    where: ClinicOptions = clinic_options(settings)
    state = asyncio.run(find_state(where))
    sys.stdout.write(f"database  {state.where}\nrevision  {state.revision or 'none'}\n")
    if state.role:
        sys.stdout.write(f"role      {state.role}\n")
    for table, count in state.rows.items():
        sys.stdout.write(f"rows      {count:>6}  {table}\n")
    if where.url is not None and not state.rows:
        sys.stdout.write("rows      only the owner sees them all; set DATABASE_OWNER_URL\n")
    if state.fault is not None:
        sys.stderr.write(f"assistant: {state.fault}\n")
    return 0 if state.fault is None else 1
