"""A demo clinic as a server makes it at its first start: made once, and copied where it is due."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import Lock

from assistant.clinic.records.options import ClinicOptions
from assistant.clinic.upkeep.preparing import prepare_file
from assistant.models import now

_MAKING = Lock()


def lay(settings: Mapping[str, str]) -> None:
    """Have the demo clinic's file where a server with these settings would make one itself."""
    file = ClinicOptions(data_dir=Path(settings["DATA_DIR"])).file
    if "DATABASE_URL" not in settings and not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        # Several processes may be started at once, and Alembic can do one thing at a time.
        with _MAKING:
            made = _made()
        file.write_bytes(made)


@cache
def _made() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "clinic.db"
        prepare_file(file, now())
        return file.read_bytes()
