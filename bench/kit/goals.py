"""What the server is to reach, beside what was measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import StatisticsError, median

import msgspec

from bench.kit.report import line
from bench.kit.rounds import Figures

Found = dict[tuple[str, str, str], Sequence[Figures]]
"""The rounds of each scenario, load and variant."""
Value = Callable[[Found], float]


@dataclass(frozen=True, slots=True)
class Goal:
    """One thing to reach.

    Attributes:
        value: finds what was measured; raises KeyError where nothing was.
        least: whether `bound` is the least that will do, else the most.
        paced: the load whose rounds must have been quiet, where it is of delays.
    """

    words: str
    value: Value
    bound: float
    form: str = ",.0f"
    least: bool = False
    paced: str = ""

    def told(self, found: Found) -> list[str]:
        """Return the cells of its row: what, the bound, what was measured, whether it is met."""
        bound = f"{'at least' if self.least else 'at most'} {round(self.bound, 2):g}"
        try:
            value = self.value(found)
        except (KeyError, StatisticsError):
            return [self.words, bound, "not measured", ""]
        met = value >= self.bound if self.least else value <= self.bound
        verdict = "yes" if met else "**no**"
        if self.paced and not any(one.get("quiet") for one in found["paced", self.paced, "ours"]):
            verdict = "machine too busy to judge"
        return [self.words, bound, format(value, self.form), verdict]


def _ours(scenario: str, load: str, figure: str) -> Value:
    return lambda found: median(one[figure] for one in found[scenario, load, "ours"] if one)


def _delay(load: str, figure: str) -> Value:
    """Return what finds a delay: of quiet rounds, or else of all."""

    def value(found: Found) -> float:
        stood = [one for one in found["paced", load, "ours"] if one]
        return median(one[figure] for one in [x for x in stood if x["quiet"]] or stood)

    return value


def _times(scenario: str, load: str, figure: str) -> Value:
    """Return what compares our figure with FastAPI's, round by round."""

    def value(found: Found) -> float:
        pairs = zip(found[scenario, load, "ours"], found[scenario, load, "fastapi"], strict=True)
        return median(ours[figure] / theirs[figure] for ours, theirs in pairs if ours and theirs)

    return value


def _unpaced(load: str) -> list[Goal]:
    at, scenario = f"{load}: ", "throughput"
    faster = _times(scenario, load, "tokens_per_second")
    return [
        Goal(f"{at}tokens per second, times FastAPI's", faster, 8, ".1f", least=True),
        Goal(f"{at}server's CPU, µs per token", _ours(scenario, load, "server_us"), 25, ".1f"),
    ]


def _paced(load: str, delay: float) -> list[Goal]:
    at, scenario = f"{load}: ", "paced"
    return [
        *(
            Goal(f"{at}{words}, ms, p99", _delay(load, figure), delay, ".1f", paced=load)
            for words, figure in (
                ("added to a token", "delay_p99_ms"),
                ("behind its pace", "lag_p99_ms"),
            )
        ),
        Goal(
            f"{at}CPU per token, times FastAPI's", _times(scenario, load, "server_us"), 1 / 3, ".2f"
        ),
    ]


GOALS: Sequence[Goal] = (
    *_unpaced("50 unpaced"),
    *_unpaced("200 unpaced"),
    *_paced("100 paced", 20),
    *_paced("400 paced", 60),
    Goal(
        "100 paced: first token, ms, p99",
        _delay("100 paced", "first_p99_ms"),
        30,
        ".1f",
        paced="100 paced",
    ),
    *(
        Goal(f"{load}: server's CPU, µs per run", _ours("short", load, "run_us"), 2_000)
        for load in ("1 at a time", "20 at a time", "50 at a time")
    ),
    Goal("an idle WebSocket, KB", _ours("footprint", "", "socket_kb"), 40, ".1f"),
    Goal("a waiting SSE reader, KB", _ours("footprint", "", "reader_kb"), 40, ".1f"),
    Goal("a streaming run, nobody reading, KB", _ours("footprint", "", "alone_kb"), 90, ".1f"),
    Goal("a streaming run and who reads it, KB", _ours("footprint", "", "run_kb"), 90, ".1f"),
    Goal("growth, KB per 1,000 runs", _ours("footprint", "", "growth_kb"), 100),
    Goal("start to serving, s", _ours("starting", "", "healthy_s"), 1.5, ".2f"),
    Goal("entries of a log that is resumed", _ours("resume", "", "entries"), 10_000, least=True),
    Goal(
        "resume from the middle, first byte, ms, p99",
        _ours("resume", "", "first_p99_ms"),
        20,
        ".1f",
    ),
)


def told(folder: Path, scenarios: Sequence[str]) -> list[str]:
    """Return the table of all goals, from the files of results."""
    found: Found = {}
    for scenario in scenarios:
        file = folder / f"{scenario}.json"
        for row in msgspec.json.decode(file.read_bytes())["results"] if file.exists() else ():
            if "rounds" in row:
                found[scenario, row["load"], row["variant"]] = row["rounds"]
    rows = [line(goal.told(found)) for goal in GOALS]
    return [line(["", "goal", "measured", "met"]), line(["---", "---", "---:", "---"]), *rows]
