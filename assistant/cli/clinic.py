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


def make(options: argparse.Namespace, settings: Settings) -> int:
    """Make the tables, or bring them up to this version."""
    asyncio.run(initialise(clinic_options(settings), options.app_user))
    sys.stdout.write("The clinic's tables are there, of this version.\n")
    return 0


def seed(options: argparse.Namespace, settings: Settings) -> int:
    """Fill empty tables with a demo clinic."""
    number = DEFAULT_SEED if options.seed is None else options.seed
    if asyncio.run(fill(clinic_options(settings), number, now())):
        sys.stdout.write("The clinic is filled with invented people and appointments.\n")
        return 0
    sys.stderr.write("assistant: the clinic has patients already; nothing was changed\n")
    return 1


def describe(_options: argparse.Namespace, settings: Settings) -> int:
    """Tell version, number of rows, and what is wrong."""
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
