"""Everything in a row: `python -m bench` measures what the server promises, in a quarter hour.

Each scenario's figures go to `<name>.json`, all tables to `report.md`, in `bench/results`. With
`--quick`, which only shows that all works, they go to a folder that is named.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.kit import goals
from bench.kit.scenario import RESULTS
from bench.kit.servers import ROOT

SCENARIOS = {
    "throughput": "As fast as they are taken",
    "paced": "A token every 20 ms",
    "short": "One-token answers",
    "resume": "Coming back, and many readers",
    "footprint": "Memory",
    "starting": "Start to serving",
    "profile": "Where the time goes",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all scenarios; returns 1 where one of them failed, else 0."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short: does it work?")
    parser.add_argument("--only", default=",".join(SCENARIOS), help="which (%(default)s)")
    parser.add_argument("--limit", type=int, default=360, help="seconds for each (%(default)s)")
    options = parser.parse_args(arguments)
    where = Path(tempfile.mkdtemp(prefix="bench-")) if options.quick else RESULTS
    where.mkdir(exist_ok=True)
    lines, failed, begun = ["# What was measured", ""], [], time.monotonic()
    parts: list[str] = []
    for name in options.only.split(","):
        sys.stderr.write(f"{time.monotonic() - begun:4.0f} s  {name}\n")
        told = _run(name, where, options.limit, quick=options.quick)
        if told is None:
            failed.append(name)
        parts += ["", f"## {SCENARIOS[name]}", "", told or "It failed.", ""]
    if not options.quick:
        lines += goals.told(where, list(SCENARIOS))
    lines += parts
    report = "\n".join(lines)
    (where / "report.md").write_text(report, encoding="utf-8")
    sys.stdout.write(report)
    sys.stderr.write(f"{time.monotonic() - begun:4.0f} s  all is in {where}\n")
    return 1 if failed else 0


def _run(name: str, where: Path, limit: float, *, quick: bool) -> str | None:
    """Run a scenario; returns its tables, or None where it failed."""
    flags = ["--json", str(where / f"{name}.json"), *(["--quick"] if quick else [])]
    command = (sys.executable, "-m", f"bench.{name}", *flags)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        told = b""
        try:
            told, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            sys.stderr.write(f"{name}: took longer than {limit:g} s; --limit gives it more\n")
            # Not killed: it ends the servers that it has started.
            process.send_signal(signal.SIGINT)
            process.communicate()
    return told.decode() if process.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main())
