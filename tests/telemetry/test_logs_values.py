"""Whatever a field holds, a line is one line of JSON within bounds, and nothing is raised."""

from __future__ import annotations

import json
import logging
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from structlog.contextvars import bound_contextvars
from typing_extensions import override

from assistant.telemetry.logs.forms import LONGEST
from tests.loglines import written

ours = structlog.get_logger("assistant.tests")


class Evil:
    """All that Python asks of an object fails."""

    @override
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    @override
    def __str__(self) -> str:
        message = "no"
        raise RuntimeError(message)

    __repr__ = __format__ = __bool__ = __len__ = __iter__ = __str__  # type: ignore[assignment]


class Endless(dict[str, int]):
    """A mapping that never ends, whoever asks it."""

    @override
    def items(self) -> Iterator[tuple[str, int]]:  # type: ignore[override]
        while True:
            yield "a", 1

    @override
    def __repr__(self) -> str:
        return "a" * 10**10

    __str__ = __repr__


class EvilError(Exception):
    @override
    def __str__(self) -> str:
        message = "no"
        raise RuntimeError(message)


class Loud(str):
    __slots__ = ()

    @override
    def __str__(self) -> str:
        raise EvilError


class Colour(Enum):
    RED = "content"


class Number(IntEnum):
    ONE = 1


class Word(StrEnum):
    ONE = "one"


def _circle() -> dict[str, Any]:
    circle: dict[str, Any] = {}
    circle["again"] = [circle]
    return circle


def _deep(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = [value]
    return value


def _fields(**fields: Any) -> dict[str, Any]:
    with written() as log:
        ours.info("x", **fields)
    (line,) = log.lines
    return line


TOLD: Mapping[str, tuple[Any, Any]] = {
    "bytes": (b"\xff\x00", "[2 bytes]"),
    "nan": (float("nan"), "nan"),
    "infinite": (float("-inf"), "-inf"),
    "huge integer": (-(2**100), "[integer of 101 bits]"),
    "lone surrogate": ("a\ud800", "a\\ud800"),
    "circle": (_circle(), {"again": ["[itself again]"]}),
    "deep": (_deep(1000), [[[[[["[1 items, too deep]"]]]]]]),
    "long text": ("x" * 5000, "x" * 2000 + "[3000 more characters]"),
    "long list": (list(range(1000)), [*range(50), "[950 more items]"]),
    "object": (object(), "[object]"),
    "class": (Path, "pathlib.Path"),
    "function": (_deep, "[function]"),
    "secret": (SecretStr("content"), "[pydantic.types.SecretStr]"),
    "enumeration": ([Colour.RED, Number.ONE, Word.ONE], ["RED", "ONE", "one"]),
    "time": (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
    "path": (Path("/a/b"), "/a/b"),
    "keys": ({1: 1, "1": 2, None: 3, (1,): 4}, {"1": 1, "1_": 2, "None": 3, "[tuple]": 4}),
    "view": (MappingProxyType({"a": 1}), {"a": 1}),
    "endless": (Endless(a=1), {"a": 1}),
    "error": (ValueError(f"content {time.time()}"), "ValueError"),
    "evil error": (EvilError(), f"{__name__}.EvilError"),
    "loud text": (Loud("text"), "text"),
}


@pytest.mark.parametrize("name", TOLD)
def test_a_value_is_told_by_what_is_known_of_it(name: str) -> None:
    value, told = TOLD[name]
    assert _fields(value=value)["value"] == told


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"a": v}, lambda v: {v: 1}])
def test_an_object_that_fails_at_everything_is_told_by_its_type(
    form: str, wrap: Callable[[Any], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with written(form=form) as log:
        ours.info("x", value=wrap(Evil()))
        ours.info(Evil())
        logging.getLogger("lib").warning("got %s and %r", Evil(), {Evil(): Evil()})
        logging.getLogger("lib").warning(Evil())
        ours.error("y", exc_info=EvilError())
    assert capsys.readouterr().err == ""
    assert log.text.count("Evil") >= 3
    assert len(log.text.splitlines()) == (5 if form == "json" else 6)


def test_fields_that_are_called_like_ours_stand_beside_them() -> None:
    with bound_contextvars(level="context"):
        line = _fields(event="e", timestamp="t", logger="l", self="s", exception="x", run_id="r")
    assert (line["event"], line["level"]) == ("x", "info")
    assert (line["event_"], line["level_"], line["exception_"]) == ("e", "context", "x")
    assert (line["timestamp_"], line["logger_"], line["self"]) == ("t", "l", "s")


def test_calls_as_the_standard_library_knows_them_raise_nothing() -> None:
    with written() as log:
        ours.info("of %s", 1)
        ours.info()
        ours.warn("x")
        ours.fatal("x")
        ours.log(logging.ERROR, "x")
        ours.exception("x")
        ours.log(15, "hidden")
    assert log.lines[0]["positional_args"] == [1]
    levels = [line["level"] for line in log.lines]
    assert levels == ["info", "info", "warning", "critical", "error", "error"]


@pytest.mark.parametrize(
    "fields",
    [
        {f"k{n}": "x" * 5000 for n in range(3000)},
        {"k" * 100_000: 1},
        {"k": ["\x00" * 2000] * 50},
        {"k": [[["\u2028" * 10] * 50] * 50] * 50},
        {"k": {f"{n}" * 200: [[]] for n in range(10_000)}},
        {"k": "\U0001f600" * 10**6},
    ],
)
@pytest.mark.parametrize("form", ["json", "console"])
def test_a_line_has_an_end(form: str, fields: dict[str, Any]) -> None:
    with written(form=form) as log:
        begun = time.process_time()
        ours.info("x", **fields)
        assert time.process_time() - begun < 0.5
    assert len(log.text.encode()) <= LONGEST
    assert "more" in log.text
    assert len(log.text.splitlines()) == 1


UNPRINTED = {"Cc", "Zl", "Zp", "Cs"}
_text = st.text(st.characters(exclude_categories=()))  # lone surrogates too
_scalars = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), _text, st.binary()),
    *(st.datetimes(), st.decimals(), st.complex_numbers(), st.builds(Loud)),
    *(st.builds(EvilError, _text), st.builds(_circle), st.builds(object)),
)
_keys = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _text, st.binary())
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner), st.dictionaries(_keys, inner), st.tuples(inner, inner), st.sets(_keys)
    ),
)


@settings(deadline=None, max_examples=60)
@given(
    event=_values, fields=st.dictionaries(_text, _values), form=st.sampled_from(["json", "console"])
)
def test_any_line_is_one_line(event: Any, fields: dict[str, Any], form: str) -> None:
    with written(form=form) as log:
        ours.info(event, **fields)
        ours.warning("x", fields=fields)
        logging.getLogger("lib").warning("%s %r", event, fields)
        logging.getLogger("lib").warning(event)
    assert len(log.text.splitlines()) == 4
    assert {unicodedata.category(char) for char in set(log.text) - {"\n"}}.isdisjoint(UNPRINTED)
    if form == "json":
        strict = [
            json.loads(line, parse_constant=pytest.fail) for line in log.text.split("\n")[:-1]
        ]
        assert [line["level"] for line in strict] == ["info", *["warning"] * 3]
        assert "log.failed" not in [line["event"] for line in strict]
