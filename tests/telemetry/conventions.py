"""Checks spans, attribute by attribute, against the published tables."""

from __future__ import annotations

import json
from typing import Any

import yaml

from tests.conftest import DATA
from tests.telemetry.tap import Span

TABLES: dict[str, Any] = yaml.safe_load((DATA / "conventions" / "gen_ai.yaml").read_text("utf-8"))
_OF_TABLES = ("gen_ai.", "openai.", "error.", "server.")
_TYPES = {"string": str, "int": int, "double": float, "boolean": bool, "string[]": list}


def faults(span: Span, *, told: bool = False) -> list[str]:
    """Return what is wrong with a span of an agent, a model call or a tool.

    `told` says whether content is captured, and so has to be there where a table knows it.
    """
    kind = span.name.partition(" ")[0]
    table = TABLES[kind]
    rows, found = table["attributes"], span.attributes
    wrong = [f"kind {span.kind}"] * (span.kind != table["kind"])
    for name, value in found.items():
        wrong += _wrong(name, value, rows, told=told)
    for name, row in rows.items():
        if name not in found and _needed(row, span):
            wrong.append(f"{name} is missing ({row['level']})")
    named = f"{kind} {found.get(table['named_after'])}"
    wrong += [f"should be named {named}"] * (span.name != named)
    return [f"{span.name}: {fault}" for fault in wrong]


def _wrong(name: str, value: Any, rows: dict[str, Any], *, told: bool) -> list[str]:
    if not name.startswith(_OF_TABLES):
        return []
    row = rows.get(name)
    if row is None:
        return [f"{name} is in no table"]
    if row["level"] == "opt_in" and not told:
        return [f"{name} was not asked for"]
    if row.get("value", value) != value:
        return [f"{name} is {value!r}"]
    return [] if _is(row["type"], value) else [f"{name} is no {row['type']}: {value!r}"]


def _is(kind: str, value: Any) -> bool:
    if kind == "json":
        return isinstance(value, str) and (not value.startswith(("[", "{")) or bool(parsed(value)))
    if kind == "string[]":
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return type(value) is _TYPES[kind]


def _needed(row: dict[str, Any], span: Span) -> bool:
    """Return whether a row holds for a span: it is required, or its condition is there."""
    if row["level"] == "required":
        return True
    found = span.attributes
    whole = found.get("gen_ai.response.finish_reasons") != ["error"]
    conditions = {
        "available": True,
        "error": span.failed,
        "called": "gen_ai.request.model" in found,
        "remote": found.get("gen_ai.provider.name") != "demo",
        "ended": True,
        "used": "gen_ai.request.model" in found and whole,
        "answered": whole and found.get("gen_ai.provider.name") != "demo",
    }
    return conditions.get(row.get("when", ""), False)


def parsed(value: str) -> Any:
    """Return an attribute that is JSON."""
    return json.loads(value)
