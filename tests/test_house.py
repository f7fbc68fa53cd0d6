"""The house keeps its shape: where Python may stand, and how long files and functions may grow."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.processes import ROOT

CODE = sorted((ROOT / "assistant").rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef


def test_the_personas_folder_holds_no_python() -> None:
    # With an `__init__.py`, it would hide the SDK, whose import name is `agents`.
    assert [p for p in (ROOT / "agents").rglob("*") if p.suffix.startswith(".py")] == []


def test_files_stay_short() -> None:
    long = {p.name: n for p in CODE if (n := len(p.read_text("utf-8").splitlines())) >= 250}
    assert long == {}


def test_functions_stay_short() -> None:
    sizes = {
        f"{path.name}:{f.name}": (f.end_lineno or 0) - f.lineno + 1
        for path in CODE
        for f in _functions(path)
    }
    assert {name: size for name, size in sizes.items() if size >= 40} == {}
    assert median(sizes.values()) <= 12


def test_only_telemetry_knows_where_spans_and_numbers_go() -> None:
    # import-linter tells packages of others apart by their first name only, which the API shares.
    ours = re.compile(r"^\s*(?:from|import) opentelemetry\.(?:sdk|exporter|proto)\b", re.MULTILINE)
    rooms = {p.relative_to(ROOT).parts[1] for p in CODE if ours.search(p.read_text("utf-8"))}
    assert rooms == {"telemetry"}


def _functions(path: Path) -> Iterator[Function]:
    tree = ast.parse(path.read_text("utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def test_every_file_says_in_one_sentence_what_it_is_for() -> None:
    leads = {p: (ast.get_docstring(ast.parse(p.read_text("utf-8"))) or "") for p in CODE}
    wrong = [p.name for p, lead in leads.items() if not lead.split("\n\n")[0].endswith(".")]
    assert wrong == []
