"""Writes results down: Markdown for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from bench.kit.load import Load
from bench.kit.rounds import Figures, Results
from bench.kit.witness import FULL

_NONE = "-"
_PRECISE = 100  # from here on, a decimal says nothing

Cell = Callable[[Sequence[Figures], Sequence[Figures]], str]
"""Makes a cell from the rounds of a variant and those of the one it is compared with."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a load's table.

    Attributes:
        paced: whether it says something of paced loads only.
    """

    words: str
    cell: Cell
    paced: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of a table of single figures."""

    words: str
    name: str
    form: str

    def of(self, figures: Figures) -> str:
        """Return the figure in words, or that there is none."""
        return format(figures[self.name], self.form) if self.name in figures else _NONE


def publish(results: Results, about: dict[str, str], figures: Path, rows: Sequence[Row]) -> None:
    """Print the medians of all rounds, and write every figure to a file."""
    rounds = [
        {"load": load, "variant": variant, "rounds": one}
        for (load, variant), one in results.figures.items()
    ]
    save(rounds, about, figures)
    lines = [f"- {name}: {value}" for name, value in about.items()]
    for load in results.loads:
        lines += ["", f"### {title(load)}", "", *_table(results, load, rows)]
    sys.stdout.write("\n".join(lines) + "\n")


def publish_facts(
    found: Mapping[str, Figures], about: dict[str, str], where: Path, facts: Sequence[Fact]
) -> None:
    """Print single figures, each variant's in a column, and write all of them to a file."""
    save(
        [{"load": "", "variant": name, "rounds": [one]} for name, one in found.items()],
        about,
        where,
    )
    lines = [f"- {name}: {value}" for name, value in about.items()]
    lines += ["", line(["", *found]), line(["---", *["---:"] * len(found)])]
    lines += [line([fact.words, *(fact.of(one) for one in found.values())]) for fact in facts]
    sys.stdout.write("\n".join(lines) + "\n")


def save(rows: Sequence[dict[str, Any]], about: dict[str, str], figures: Path) -> None:
    """Write every figure of every round, and what is known of the machine, to a file."""
    made = msgspec.json.encode({"about": about, "results": rows})
    figures.parent.mkdir(parents=True, exist_ok=True)
    figures.write_bytes(msgspec.json.format(made, indent=1) + b"\n")


def title(load: Load) -> str:
    """Return what a load is, in words."""
    many = f"{load.streams} stream{'s' if load.streams > 1 else ''}"
    size = f"{load.tokens} token{'s' if load.tokens > 1 else ''} each"
    each = f"{load.runs} answers of {size}" if load.runs > 1 else size
    pace = f"one token every {load.pace * 1000:g} ms" if load.pace else "as fast as they are taken"
    if load.spread:
        pace += f", begun within {load.spread:g} s"
    return f"{many}, {each}, {pace}"


def _table(results: Results, load: Load, rows: Sequence[Row]) -> list[str]:
    columns = [results.figures[load.name, variant.name] for variant in results.variants]
    heads = ["", *(variant.title for variant in results.variants)]
    told = [row for row in rows if load.pace or not row.paced]
    return [
        line(heads),
        line(["---", *["---:"] * len(columns)]),
        *(line([row.words, *(_cell(row, each, columns[0]) for each in columns)]) for row in told),
    ]


def _cell(row: Row, rounds: Sequence[Figures], first: Sequence[Figures]) -> str:
    stood = sum(1 for figures in rounds if figures)
    if not stood:
        return "failed"
    told = row.cell(rounds, first)
    return told if stood == len(rounds) else f"{told} ({stood} of {len(rounds)} rounds)"


def line(cells: Sequence[str]) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |"


def plain(name: str, form: str = ",.0f") -> Cell:
    """Return what makes a cell of one figure: the median of its rounds."""

    def cell(rounds: Sequence[Figures], _first: Sequence[Figures]) -> str:
        value = middle(rounds, name)
        return format(value, form) if value else _NONE

    return cell


def percentiles(name: str) -> Cell:
    """Return what makes a cell of a figure's median and 99th percentile, in ms."""

    def cell(rounds: Sequence[Figures], _first: Sequence[Figures]) -> str:
        values = [middle(rounds, f"{name}_p{p}_ms") for p in (50, 99)]
        return ", ".join(f"{value:.{0 if value >= _PRECISE else 1}f}" for value in values)

    return cell


def shares(*names: str) -> Cell:
    """Return what makes a cell of some shares."""

    def cell(rounds: Sequence[Figures], _first: Sequence[Figures]) -> str:
        stood = [figures for figures in rounds if figures]
        values = [median(one.get(name, 0.0) for one in stood) for name in names]
        return ", ".join(f"{value:.0%}" for value in values)

    return cell


def room(rounds: Sequence[Figures], first: Sequence[Figures]) -> str:
    """Return how much of the others' core was used, and a warning where that leaves no room."""
    told = shares("others_share")(rounds, first)
    return f"**{told}, too full**" if middle(rounds, "others_share") > FULL else told


def greatest(*names: str) -> Cell:
    """Return what makes a cell of the greatest values of some figures in any round."""

    def cell(rounds: Sequence[Figures], _first: Sequence[Figures]) -> str:
        values = [max(figures[name] for figures in rounds if figures) for name in names]
        return ", ".join(f"{value:,.0f}" for value in values)

    return cell


def quiet(rounds: Sequence[Figures], _first: Sequence[Figures]) -> str:
    """Return in how many rounds the machine let delays be judged."""
    stood = [figures for figures in rounds if figures]
    many = sum(1 for figures in stood if figures["quiet"])
    return f"{many} of {len(stood)}" if many else f"**{many} of {len(stood)}**"


def compared(name: str, form: str = ",.0f") -> Cell:
    """Return what makes a cell of a figure, and how it compares with the first variant's."""

    def cell(rounds: Sequence[Figures], first: Sequence[Figures]) -> str:
        value = format(middle(rounds, name), form)
        ratios = [mine[name] / theirs[name] for mine, theirs in _both(rounds, first)]
        return f"{value} ({_ratio(ratios)})" if ratios and rounds != first else value

    return cell


def with_the_store(rounds: Sequence[Figures], first: Sequence[Figures]) -> str:
    """Return how server and store together compare with the first variant's server alone."""
    pairs = _both(rounds, first)
    ratios = [(mine["server_us"] + mine["store_us"]) / their["server_us"] for mine, their in pairs]
    return _ratio(ratios) if ratios else _NONE


def middle(rounds: Sequence[Figures], name: str) -> float:
    """Return the median of a figure, over the rounds that the server stood."""
    return median(figures[name] for figures in rounds if figures)


def _both(rounds: Sequence[Figures], first: Sequence[Figures]) -> list[tuple[Figures, Figures]]:
    """Return the rounds that both servers stood."""
    return [(mine, theirs) for mine, theirs in zip(rounds, first, strict=True) if mine and theirs]


def _ratio(ratios: Sequence[float]) -> str:
    """Return the median of some ratios, with the least and the greatest."""
    value = f"{median(ratios):.2f}x"
    if len(ratios) == 1 or min(ratios) == max(ratios):
        return value
    return f"{value}, {min(ratios):.2f} to {max(ratios):.2f}"


AROUND = (
    Row("server's core busy with it", plain("server_share", ".0%")),
    Row("model's CPU, µs per token", plain("upstream_us", ",.1f")),
    Row("load generator's CPU, µs per token", plain("generator_us", ",.1f")),
    Row("others' core used, by whomever", room),
    Row(
        "could not compute: server, store, model, load generator",
        shares("server_waited", "store_waited", "upstream_waited", "generator_waited"),
    ),
)
"""What stands round a server, and whether it is that which was measured."""

DELAYS = (
    Row(
        "greatest standstill of load generator and disk, lateness of the model, ms",
        greatest("gap_ms", "disk_ms", "late_ms"),
    ),
    Row("samples of a round: tokens, answers", greatest("tokens", "answers")),
    Row("rounds quiet enough to judge delays", quiet),
)
"""Whether a 99th percentile is the server's or the machine's, of loads that have a pace."""
