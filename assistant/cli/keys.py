"""`assistant key`: makes a key for `AUTH_MODE=api_key`, which nobody is shown a second time."""

from __future__ import annotations

import argparse
import sys

import yaml
from pydantic import ValidationError

from assistant.errors import SettingsError
from assistant.settings import Settings
from assistant.web.identity import new_key


def add_key_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line's others."""
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
    key.set_defaults(act=_make)


def _make(options: argparse.Namespace, _settings: Settings) -> int:
    try:
        key, entry = new_key(options.name, options.roles, options.subject)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        detail = f"--{str(first['loc'][0]).removesuffix('s')}: {first['msg']}"
        raise SettingsError(detail) from None
    except ValueError as error:
        detail = f"this key cannot be made: {error}"
        raise SettingsError(detail) from None
    sys.stderr.write("The key, shown this once:\n\n")
    sys.stdout.write(f"{key}\n")
    sys.stdout.flush()
    rows = yaml.safe_dump(
        [entry.model_dump(mode="json", exclude_none=True)], sort_keys=False, default_flow_style=None
    )
    sys.stderr.write(f"\nIts entry in API_KEYS_FILE, below the line `keys:`:\n\n{rows}")
    return 0
