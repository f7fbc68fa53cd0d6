"""Writes results down: Markdown for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import msgspec

from bench.load import Load
from bench.rounds import Figures, Results

_NONE = "-"


Table = Callable[[Results, Load], list[str]]
"""Makes the lines of a load's table."""


def publish(results: Results, about: dict[str, str], figures: Path, table: Table) -> None:
    """Print the medians of all rounds, and write every figure to a file."""
    about |= {
        "rounds": f"{about['rounds']}; medians of the rounds; ratios are made within a round: "
        "median, least to greatest"
    }
    figures.parent.mkdir(parents=True, exist_ok=True)
    figures.write_bytes(as_json(results, about))
    sys.stdout.write(_as_markdown(results, about, table))


def as_json(results: Results, about: dict[str, str]) -> bytes:
    """Return every figure of every round, and what is known of the machine."""
    rows = [
        {"load": load, "variant": variant, "rounds": rounds}
        for (load, variant), rounds in results.figures.items()
    ]
    return msgspec.json.format(msgspec.json.encode({"about": about, "results": rows}), indent=1)


def _as_markdown(results: Results, about: dict[str, str], table: Table) -> str:
    lines = [f"- {name}: {value}" for name, value in about.items()]
    for load in results.loads:
        lines += ["", f"### {title(load)}", "", *table(results, load)]
    return "\n".join(lines) + "\n"


def title(load: Load) -> str:
    """Return what a load is, in words."""
    many = f"{load.streams} stream{'s' if load.streams > 1 else ''}"
    each = (
        f"{load.runs} answers of {load.tokens} tokens each"
        if load.runs > 1
        else f"{load.tokens} tokens each"
    )
    pace = f"one token every {load.pace * 1000:g} ms" if load.pace else "as fast as they are taken"
    return f"{many}, {each}, {pace}"


def compare_all(results: Results, load: Load) -> list[str]:
    """Return a table of the server's and the store's figures, compared to the first variant."""
    names = [variant.name for variant in results.variants]
    columns = [results.figures[load.name, name] for name in names]
    first = columns[0]
    rows = {
        "server's CPU, µs per token": [compared(c, first, "server_us") for c in columns],
        "store's CPU, µs per token": [_plain(c, "store_us", ".0f") for c in columns],
        "both, compared": [_both(c, first) for c in columns],
        "tokens per second": [_plain(c, "tokens_per_second", ",.0f") for c in columns],
        "first token, ms: p50, p99": [_pair(c, "first") for c in columns],
        "whole answer, ms: p50, p99": [_pair(c, "whole") for c in columns],
    }
    if load.pace:
        rows["added to a token, ms: p50, p99"] = [_pair(c, "delay") for c in columns]
    rows["server's core busy with it"] = [_plain(c, "server_share", ".0%") for c in columns]
    rows["frames per token"] = [_plain(c, "frames_per_token", ".2f") for c in columns]
    heads = ["", *(variant.title for variant in results.variants)]
    return [
        row(heads),
        row(["---", *["---:"] * len(names)]),
        *(row([name, *cells]) for name, cells in rows.items()),
    ]


def row(cells: Sequence[str]) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(cells)} |"


def _middle(rounds: Sequence[Figures], name: str) -> float:
    return median(figures[name] for figures in rounds)


def _plain(rounds: Sequence[Figures], name: str, form: str) -> str:
    value = _middle(rounds, name)
    return format(value, form) if value else _NONE


def _pair(rounds: Sequence[Figures], name: str) -> str:
    values = [_middle(rounds, f"{name}_p{p}_ms") for p in (50, 99)]
    return ", ".join(f"{value:.0f}" if value >= 100 else f"{value:.1f}" for value in values)  # noqa: PLR2004


def compared(rounds: Sequence[Figures], first: Sequence[Figures], name: str) -> str:
    """Return the median, and how it compares with the same rounds of the first variant."""
    value = f"{_middle(rounds, name):.0f}"
    if rounds is first:
        return value
    pairs = zip(rounds, first, strict=True)
    return f"{value} ({_ratio([mine[name] / theirs[name] for mine, theirs in pairs])})"


def _both(rounds: Sequence[Figures], first: Sequence[Figures]) -> str:
    pairs = zip(rounds, first, strict=True)
    return _ratio([(a["server_us"] + a["store_us"]) / b["server_us"] for a, b in pairs])


def _ratio(ratios: Sequence[float]) -> str:
    """Return the median of some ratios, with the least and the greatest."""
    middle = f"{median(ratios):.2f}x"
    if len(ratios) == 1 or min(ratios) == max(ratios):
        return middle
    return f"{middle}, {min(ratios):.2f} to {max(ratios):.2f}"
