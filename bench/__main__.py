"""Everything in a row: `python -m bench` measures what the server promises, in a quarter hour.

Each scenario's figures go to `<name>.json`, its tables to `parts/<name>.md`, and all of them with
the goals to `report.md`, in `bench/results`; what is left out with `--only` stays as it was. With
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
_ENDING = 60  # seconds for a scenario that is over its limit to end its servers


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all scenarios; returns 1 where one of them failed, else 0."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short: does it work?")
    parser.add_argument("--only", default=",".join(SCENARIOS), help="which (%(default)s)")
    parser.add_argument("--limit", type=int, default=360, help="seconds for each (%(default)s)")
    options = parser.parse_args(arguments)
    where = Path(tempfile.mkdtemp(prefix="bench-")) if options.quick else RESULTS
    (where / "parts").mkdir(parents=True, exist_ok=True)
    failed, begun = False, time.monotonic()
    for name in options.only.split(","):
        sys.stderr.write(f"{time.monotonic() - begun:4.0f} s  {name}\n")
        failed |= not _run(name, where, options.limit, quick=options.quick)
    # What is short is not judged.
    report = _report(where, [] if options.quick else goals.told(where, list(SCENARIOS)))
    (where / "report.md").write_text(report, encoding="utf-8")
    sys.stdout.write(report)
    sys.stderr.write(f"{time.monotonic() - begun:4.0f} s  all is in {where}\n")
    return int(failed)


def _run(name: str, where: Path, limit: float, *, quick: bool) -> bool:
    """Run a scenario and keep its tables, or that it failed; returns whether it did not."""
    figures, part = where / f"{name}.json", where / "parts" / f"{name}.md"
    figures.unlink(missing_ok=True)
    flags = ["--json", str(figures), "--limit", str(limit), *(["--quick"] if quick else [])]
    command = (sys.executable, "-m", f"bench.{name}", *flags)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            told, _ = process.communicate(timeout=limit + _ENDING)
        except subprocess.TimeoutExpired:
            # It should have ended itself; what it has started has to be ended too.
            process.send_signal(signal.SIGINT)
            told, _ = process.communicate()
    fine = process.returncode == 0
    why = f"It failed, or took longer than its {limit:g} s: standard error says which."
    part.write_text(told.decode() if fine else why, encoding="utf-8")
    return fine


def _report(where: Path, judged: Sequence[str]) -> str:
    """Return the goals, met or not, and all tables that there are."""
    lines = ["# What was measured", "", *judged]
    for name, title in SCENARIOS.items():
        part = where / "parts" / f"{name}.md"
        told = part.read_text(encoding="utf-8") if part.exists() else "Not measured."
        lines += ["", f"## {title}", "", told.strip()]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
