"""The long form: `python -m tests.chaos --runs 500 --kills 200`; exit code 1 on any violation."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.scenarios import scene
from tests.chaos.storm import Weather, storm


def main() -> int:
    """Read the command line, let it storm, print the report."""
    fair = Weather()
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    for name, what in (
        ("runs", "at least so many messages"),
        ("kills", "at least so many processes killed by SIGKILL"),
        ("at_once", "conversations at a time"),
        ("lease", "seconds; renewed every fifth of them"),
        ("seed", "what chance begins with"),
        ("servers", "how many servers"),
        ("workers", "how many workers"),
        ("crashes", "share of messages that kill a process at a named step"),
        ("pause", "the most seconds between two blows"),
    ):
        default = getattr(fair, name)
        flag = f"--{name.replace('_', '-')}"
        shown = f"{what} (default: {default})"
        parser.add_argument(flag, type=type(default), default=default, help=shown)
    scenes = ("storm", "kill-in-turn", "replace-in-turn")
    parser.add_argument("--scene", choices=scenes, default="storm", help="(default: storm)")
    parser.add_argument("--inline", action="store_true", help="servers execute, without workers")
    parser.add_argument("--folder", type=Path, help="keep logs and data here")
    options = vars(parser.parse_args())
    folder: Path = options.pop("folder") or Path(tempfile.mkdtemp(prefix="chaos-"))
    act: str = options.pop("scene")
    weather = Weather(**options)
    # To the model server, clients that die in the middle of an answer are an error each time.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    begun = time.monotonic()
    sys.stdout.write(f"{weather}\nlogs and data: {folder}\n\n")
    sys.stdout.flush()
    play = storm(folder, weather) if act == "storm" else scene(act, folder, weather)
    report = asyncio.run(play)
    sys.stdout.write(f"{report}\n\n{time.monotonic() - begun:.0f} seconds\n")
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
