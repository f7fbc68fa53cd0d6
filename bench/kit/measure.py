"""Clocks and arithmetic: what a process has computed, how fast the disk is, how values spread."""

from __future__ import annotations

import asyncio
import os
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

_CPUCLOCK_SCHED = 2

Cores = tuple[set[int], set[int]]
"""Those of the servers, and those of all that stands round them."""


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that all threads of a process have used, to the nanosecond.

    It is what `utime` and `stime` of `/proc/<pid>/stat` add up to, without their rounding to
    10 ms; the number of the clock is made as `clock_getcpuclockid(3)` makes it.
    """
    return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)


def waited_seconds(pid: int) -> float:
    """Return for how long a process's main thread could have computed but had no core.

    https://docs.kernel.org/scheduler/sched-stats.html
    """
    _, waited, _ = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
    return int(waited) / 1e9


def memory_kb(pid: int) -> tuple[int, int]:
    """Return a process's resident memory, and its share of it where pages are shared, in KB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    found = {name: int(rest.split()[0]) for name, _, rest in (x.partition(":") for x in lines[1:])}
    return found["Rss"], found["Pss"]


async def quiet(pid: int, seconds: float = 0.5) -> None:
    """Wait until a process computes next to nothing: less than a fiftieth of the time."""
    while True:
        before = cpu_seconds(pid)
        await asyncio.sleep(seconds)
        if cpu_seconds(pid) - before < seconds / 50:
            return


def allow_many_files() -> None:
    """Let this process, and those that it starts, open as many files as the machine allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def percentile(values: Sequence[float], p: float) -> float:
    """Return the smallest value that at least `p` per cent of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * p // 100).__int__() - 1)]


def fsync_ms(folder: Path, times: int = 200) -> tuple[float, float]:
    """Return how long a small write takes to be on the disk: median and 99th percentile, in ms."""
    taken = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(times):
            file.write(bytes(400))
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - begun) * 1000)
    return median(taken), percentile(taken, 99)


def split_cores() -> Cores:
    """Return one core for the server under test, and all others for what stands round it.

    With one core only, both are that one.
    """
    cores = sorted(os.sched_getaffinity(0))
    return {cores[-1]}, set(cores[:-1]) or set(cores)


def move(pid: int, cores: set[int]) -> None:
    """Move a process with all its threads to these cores."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


def machine() -> str:
    """Return what computes here, in a few words."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = {line.partition(":")[2].strip() for line in lines if line.startswith("model name")}
    release = os.uname()
    cpu = ", ".join(sorted(names)) or release.machine
    return f"{cpu}, {len(os.sched_getaffinity(0))} cores, {release.sysname} {release.release}"


def core_ticks(cores: set[int]) -> tuple[int, int]:
    """Return for how many ticks cores have worked, for whomever, and how many there were."""
    lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    names, busy, total = {f"cpu{core}" for core in cores}, 0, 0
    for name, *row in (line.split() for line in lines):
        if name in names:
            _, _, _, idle, iowait, *_ = ticks = [int(value) for value in row[:8]]
            total += sum(ticks)
            busy += sum(ticks) - idle - iowait
    return busy, total
