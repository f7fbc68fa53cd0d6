"""The table of log events, config/log-events.md, says what the code does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.processes import ROOT

LEVELS = {"debug", "info", "warning", "error", "critical"}
# The log's own, which stand in for lines that cannot be as they were meant.
OF_THE_LOG = {"log.dropped", "log.failed", "log.untold"}


@dataclass(slots=True)
class Event:
    levels: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


def _logged(tree: ast.Module) -> Iterator[ast.Call]:
    """Yield the calls of a module's loggers, whatever these are called."""
    made = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and "get_logger" in ast.unparse(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name))) if name in made:
                yield node


def test_a_log_call_is_written_out_where_it_is_made() -> None:
    for path in sorted((ROOT / "assistant").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        used = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        names = [node for node in used if ast.unparse(node.value) == "log"]
        assert len(names) == len(list(_logged(tree))), path


def _in_code() -> dict[str, Event]:
    events: dict[str, Event] = {}
    for path in sorted((ROOT / "assistant").rglob("*.py")):
        for call in _logged(ast.parse(path.read_text("utf-8"))):
            place = f"{path.name}:{call.lineno}"
            assert isinstance(call.func, ast.Attribute)
            assert call.func.attr in LEVELS | {"exception"}, f"{place}: bind no fields, pass them"
            (name,) = call.args
            assert isinstance(name, ast.Constant), f"{place}: an event's name is a literal"
            event = events.setdefault(str(name.value), Event())
            crash = call.func.attr == "exception"
            event.levels.add("error" if crash else call.func.attr)
            event.keys |= {"exception"} if crash else set()
            for keyword in call.keywords:
                assert keyword.arg, f"{place}: fields are written out, for the table"
                event.keys.add("exception" if keyword.arg == "exc_info" else keyword.arg)
    return events


def _in_table() -> dict[str, Event]:
    events: dict[str, Event] = {}
    for row in (ROOT / "config" / "log-events.md").read_text("utf-8").splitlines():
        if row.startswith("| `"):
            name, levels, keys, meaning = (cell.strip() for cell in row.strip("| ").split("|"))
            assert name.strip("`") not in events, f"{name} stands there twice"
            assert meaning, f"{name} has no meaning"
            events[name.strip("`")] = Event(set(_words(levels)), set(_words(keys)))
    return events


def _words(cell: str) -> list[str]:
    return [word.strip() for word in cell.split(",") if word.strip()]


CODE, TABLE = _in_code(), _in_table()


def test_every_event_is_in_the_table_and_no_other() -> None:
    assert TABLE.keys() - OF_THE_LOG == CODE.keys()


@pytest.mark.parametrize("name", CODE)
def test_levels_and_keys_are_those_of_the_table(name: str) -> None:
    assert TABLE.get(name) == CODE[name]


def test_events_are_dotted_names() -> None:
    assert [name for name in TABLE if not name.replace(".", "_").isidentifier()] == []
    assert [name for name in TABLE if "." not in name or not name.islower()] == []


def test_only_the_log_itself_uses_the_standard_librarys() -> None:
    users = {
        path.name
        for path in (ROOT / "assistant").rglob("*.py")
        if "logging.getLogger(" in path.read_text("utf-8")
    }
    assert users <= {"levels.py", "opening.py", "own.py"}
