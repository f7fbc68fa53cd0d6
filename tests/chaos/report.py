"""What the checker found, as text that a person reads."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from typing_extensions import override

_SHOWN = 40


LOG = "was in the log"
SEEN = "reached who follows"


@dataclass(slots=True)
class Delays:
    """Seconds from each blow to the next event of each run it hit, by kind of blow.

    Attributes:
        slowest: those after kills with names, to look into.
    """

    by_blow: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    slowest: list[tuple[float, str]] = field(default_factory=list)

    def add(self, what: str, run_id: str, blow_at: float, seconds: float) -> None:
        """Note one."""
        self.by_blow[what].append(seconds)
        if _is_kill(what):
            self.slowest.append((seconds, f"{run_id} {what} at {blow_at:.2f}"))

    def of_kills(self) -> list[float]:
        """Return those of processes that died by SIGKILL while others of their kind lived."""
        kills = (each for what, each in self.by_blow.items() if _is_kill(what))
        return [seconds for found in kills for seconds in found]

    def lines(self) -> Iterator[str]:
        """Yield the table, and the slowest."""
        yield f"  {'':24}{'runs':>6}{'median':>9}{'p99':>9}{'max':>9}"
        yield from (_row(what, found) for what, found in sorted(self.by_blow.items()))
        yield _row("all kills", self.of_kills())
        for seconds, name in sorted(self.slowest, reverse=True)[:5]:
            yield f"  slow: {seconds:.2f} {name}"


@dataclass(slots=True)
class Report:
    """Counts, delays and violations.

    Attributes:
        checked: how many things of each kind were looked at.
        tallies: what happened, by table and name.
        delays: how long runs stood still after blows, as the store and as clients saw it.
    """

    checked: Counter[str] = field(default_factory=Counter)
    tallies: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    delays: dict[str, Delays] = field(default_factory=lambda: {n: Delays() for n in (LOG, SEEN)})
    violations: list[str] = field(default_factory=list)

    def check(self, what: str, *, holds: bool, where: str, found: object = "") -> bool:
        """Count one look at something; keeps what was found where it does not hold."""
        self.checked[what] += 1
        if not holds:
            self.violations.append(f"{what}: {where} {found}".rstrip())
        return holds

    @override
    def __str__(self) -> str:
        lines = ["Checked, and how often:"]
        lines += [f"  {count:7}  {what}" for what, count in self.checked.items()]
        for table, counts in self.tallies.items():
            lines += ["", f"{table}:"]
            lines += [f"  {count:7}  {name}" for name, count in counts.most_common()]
        for name, delays in self.delays.items():
            lines += ["", f"Seconds from a blow until the next event of the run {name}:"]
            lines += delays.lines()
        lines += ["", f"Violations: {len(self.violations)}"]
        lines += [f"  {violation}" for violation in self.violations[:_SHOWN]]
        return "\n".join(lines)


def percentile(found: Sequence[float], part: float) -> float:
    """Return the smallest delay that at least this part of all does not exceed; 0 without any."""
    ordered = sorted(found)
    at = max(0, -(-len(ordered) * part // 1) - 1)
    return ordered[int(at)] if ordered else 0.0


def _is_kill(what: str) -> bool:
    return "killed" in what and "all killed" not in what and "gone" not in what


def _row(what: str, found: Sequence[float]) -> str:
    numbers = (percentile(found, 0.5), percentile(found, 0.99), percentile(found, 1))
    return f"  {what:24}{len(found):6}" + "".join(f"{number:9.2f}" for number in numbers)
