"""`assistant key`: makes a key for `AUTH_MODE=api_key`, which nobody is shown a second time."""

from __future__ import annotations

import argparse
import sys

import yaml
from pydantic import ValidationError

from assistant.errors import SettingsError
from assistant.settings import Settings
from assistant.web.identity import new_key


def make(options: argparse.Namespace, _settings: Settings) -> int:
    """Make a key; print it, and beside it its entry for the file of keys."""
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
