"""An exception is told by type and way; by its words only where these hold nothing of a run."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
import structlog
from pydantic import BaseModel
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from typing_extensions import override

from assistant.errors import NotFoundError
from assistant.telemetry.logs import told
from tests.loglines import Written, written

ours = structlog.get_logger("assistant.tests")
CANARY = "canary7f3a"


@pytest.fixture
def log() -> Iterator[Written]:
    with written() as lines:
        yield lines


class Model(BaseModel):
    name: int


class Record(msgspec.Struct):
    name: int


def _validate() -> None:
    Model.model_validate({"name": CANARY, CANARY: CANARY})


def _decode() -> None:
    msgspec.json.decode(b'{"name": "' + CANARY.encode() + b'"}', type=Record)


def _query() -> None:
    with create_engine("sqlite://").connect() as connection:
        connection.execute(text("SELECT :name FROM nowhere"), {"name": CANARY})


def _key() -> None:
    dict[str, int]()[CANARY]


def _number() -> None:
    int(CANARY)


def _open() -> None:
    open(f"/nowhere/{CANARY}")  # noqa: PTH123, SIM115 - for the error


def _made() -> None:
    message = f"no {CANARY}"
    raise RuntimeError(message)


def _literal() -> None:
    message = "Event loop is closed"
    raise RuntimeError(message)


def _assistants() -> None:
    detail = "No such run."
    raise NotFoundError(f"{detail} " * 1000)


def _noted() -> None:
    error = ValueError()
    error.add_note(CANARY)
    raise error


TOLD: dict[Callable[[], None], tuple[str, str | None]] = {
    _validate: ("pydantic_core._pydantic_core.ValidationError", "1 wrong: int_parsing"),
    _decode: ("msgspec.ValidationError", None),
    _query: ("sqlalchemy.exc.OperationalError", None),
    _key: ("KeyError", None),
    _number: ("ValueError", None),
    _open: ("FileNotFoundError", "ENOENT No such file or directory"),
    _made: ("RuntimeError", None),
    _literal: ("RuntimeError", "Event loop is closed"),
    _assistants: ("assistant.errors.NotFoundError", ("No such run. " * 1000)[:500]),
    _noted: ("ValueError", None),
}


@pytest.mark.parametrize("fail", TOLD, ids=lambda fail: fail.__name__)
@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("source", ["ours", "library", "field"])
def test_words_are_told_where_they_are_safe(
    form: str, source: str, fail: Callable[[], None]
) -> None:
    kind, words = TOLD[fail]
    with written(form=form) as log:
        try:
            fail()
        except Exception as error:
            if source == "ours":
                ours.exception("run.crashed")
            elif source == "library":
                logging.getLogger("aiohttp").exception("Unhandled")
            else:
                ours.error("run.crashed", error=error)
    assert kind in log.text
    assert CANARY not in log.text
    if form == "json" and source != "field":
        first = log.lines[0]["exception"][0]
        assert first.get("message") == words
        assert any(place.endswith(f" {fail.__name__}") for place in first["at"])
        assert not any("/" in place for place in first["at"])


def test_causes_contexts_and_groups_are_told_once_each(log: Written) -> None:
    try:
        try:
            _key()
        except KeyError as error:
            try:
                _open()
            except OSError as other:
                message = "several"
                raise ExceptionGroup(message, [error, other, ValueError()]) from error
    except ExceptionGroup:
        ours.exception("x")
    links = [(link["type"], link.get("as")) for link in log.lines[0]["exception"]]
    assert links == [
        ("ExceptionGroup", None),
        ("KeyError", "member"),
        ("FileNotFoundError", "member"),
        ("ValueError", "member"),
    ]


def test_circles_and_crowds_of_exceptions_have_an_end(log: Written) -> None:
    one, two = ValueError(), ValueError()
    one.__cause__, two.__cause__ = two, one
    ours.error("circle", exc_info=one)
    group: Exception = ValueError()
    for _ in range(500):
        group = ExceptionGroup("", [group, ValueError()])
    ours.error("crowd", exc_info=group)
    circle, crowd = (line["exception"] for line in log.lines)
    assert len(circle) == 2
    assert len(crowd) == 13
    assert crowd[-1] == {"type": "[more exceptions]"}


def test_a_long_trace_is_told_from_both_ends(log: Written) -> None:
    def deeper(left: int) -> None:
        if left == 0:
            _made()
        deeper(left - 1)

    try:
        deeper(300)
    except RuntimeError:
        ours.exception("x")
    places = log.lines[0]["exception"][0]["at"]
    assert len(places) == 21
    assert places[4] == "[283 more frames]"
    assert places[-1].endswith(" _made")


def test_an_exception_that_fails_at_everything_is_told_by_its_type() -> None:
    class EvilError(Exception):
        @override
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

    (link,) = told(EvilError(CANARY))
    assert link["type"].endswith("EvilError")
    assert CANARY not in json.dumps(link)


def test_exc_info_in_every_form(log: Written) -> None:
    for given in (True, ValueError(), (ValueError, ValueError(), None), (None, None, None), 7, ()):
        ours.error("x", exc_info=given)
    assert ["exception" in line for line in log.lines] == [False, True, True, *[False] * 3]


def test_no_source_no_locals_no_paths(log: Written) -> None:
    _held = "local" + "-value"
    try:
        _made()
    except RuntimeError:
        ours.exception("x")
    assert not any(word in log.text for word in ("raise", "local-value", "/", ".py"))


async def test_a_cancellation_is_told_like_the_rest(log: Written) -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    task.cancel(CANARY)
    try:
        await task
    except asyncio.CancelledError:
        ours.exception("x")
    assert log.lines[0]["exception"][0]["type"] == "asyncio.exceptions.CancelledError"
    assert CANARY not in log.text


def test_a_code_of_the_database_stays() -> None:
    class RefusedError(SQLAlchemyError):
        sqlstate = "23505"

    (link,) = told(RefusedError(CANARY))
    assert link["code"] == "23505"
