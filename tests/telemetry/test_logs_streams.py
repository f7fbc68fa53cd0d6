"""Where the log goes may close, fill or stand still: the process goes on, and counts its losses."""

from __future__ import annotations

import asyncio
import fcntl
import io
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest
import structlog
from typing_extensions import override

from assistant.telemetry import configure_logging, dropped_lines
from tests.loglines import written
from tests.processes import ROOT

ours = structlog.get_logger("assistant.tests")
FOUR_PAGES = 4 * 4096


@contextmanager
def pipe() -> Iterator[tuple[int, TextIO]]:
    """Yield the end to read and the end to write of a pipe that holds four pages."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, FOUR_PAGES)
    with open(writer, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a number, not a path
        try:
            yield reader, stream
        finally:
            os.close(reader)


def _read(reader: int) -> bytes:
    os.set_blocking(reader, False)
    found = b""
    try:
        while piece := os.read(reader, 65_536):
            found += piece
    except BlockingIOError:
        pass
    return found


def test_a_stream_that_is_closed_costs_lines_and_nothing_else() -> None:
    stream, before = io.StringIO(), dropped_lines()
    with written(stream=stream):
        ours.info("seen")
        stream.close()
        ours.info("lost")
        ours.info("lost")
    assert dropped_lines() - before == 2


def test_without_standard_error_all_lines_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    before = dropped_lines()
    with written():
        monkeypatch.setattr(sys, "stderr", None)
        configure_logging("INFO", "json")
        ours.info("lost")
    assert dropped_lines() - before == 1


def test_a_full_disk_loses_lines() -> None:
    before = dropped_lines()
    with Path("/dev/full").open("w") as stream, written(stream=stream):
        for _ in range(3):
            ours.info("lost")
    assert dropped_lines() - before == 3


def test_a_reader_that_has_gone_loses_lines() -> None:
    before = dropped_lines()
    reader, writer = os.pipe()
    with open(writer, "w", encoding="utf-8") as stream, written(stream=stream):  # noqa: PTH123
        ours.info("seen")
        os.close(reader)
        ours.info("lost")
    assert dropped_lines() - before == 1


def test_a_reader_that_stands_still_is_waited_for_once() -> None:
    before = dropped_lines()
    with pipe() as (reader, stream), written(stream=stream):
        begun = time.monotonic()
        for number in range(1000):
            ours.info("line", number=number, text="x" * 500)
        assert time.monotonic() - begun < 2
        lost = dropped_lines() - before
        assert 900 < lost < 1000
        first = _read(reader)
        ours.info("again")
        second = _read(reader)
    lines = [json.loads(line) for line in (first + second).splitlines()]
    assert [line.get("number") for line in lines[:-2]] == list(range(1000 - lost))
    assert (lines[-2]["event"], lines[-2]["lines"]) == ("log.dropped", lost)
    assert lines[-1]["event"] == "again"


def test_a_line_that_goes_out_in_part_is_finished_before_the_next() -> None:
    with pipe() as (reader, stream), written(stream=stream):
        ours.info("first", text="x" * 1500)
        ours.info("long", text=["é" * 1900] * 4)
        begun = _read(reader)
        assert not begun.endswith(b"\n")
        ours.info("next")
        whole = begun + _read(reader)
        ours.info("last")
        whole += _read(reader)
    assert [json.loads(line)["event"] for line in whole.splitlines()] == [
        *("first", "long", "next", "last")
    ]


def test_the_pipe_of_others_is_left_as_it_was() -> None:
    with pipe() as (_, stream), written(stream=stream):
        ours.info("x")
        assert os.get_blocking(stream.fileno())


def test_what_takes_the_number_of_a_closed_stream_is_not_written_to(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream, written(stream=stream):
        number = stream.fileno()
        stream.close()
        with (tmp_path / "data").open("w") as data:
            assert data.fileno() == number
            ours.info("x")
    assert (tmp_path / "data").read_text() == ""
    assert "x" in (tmp_path / "log").read_text()


def test_lines_of_threads_do_not_mix(tmp_path: Path) -> None:
    def write(name: str) -> None:
        for number in range(200):
            ours.info("line", name=name * 50, number=number)

    with (tmp_path / "log").open("w") as stream, written(stream=stream):
        threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    for name in "abcd":
        mine = [line["number"] for line in lines if line["name"] == name * 50]
        assert mine == list(range(200))


WRITER = """
import sys, structlog
from assistant.telemetry import configure_logging
configure_logging("INFO", "json")
for number in range(300):
    structlog.get_logger("assistant").info("line", who=sys.argv[1], number=number, text="x" * 1500)
"""


async def test_lines_of_processes_on_one_pipe_do_not_mix() -> None:
    reader, writer = os.pipe()
    with open(reader, "rb") as stream:  # noqa: ASYNC230, PTH123 - read in a thread
        reading = asyncio.create_task(asyncio.to_thread(stream.read))
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", WRITER, str(who), stderr=writer, cwd=ROOT
            )
            for who in range(3)
        ]
        os.close(writer)
        assert [await process.wait() for process in processes] == [0, 0, 0]
        lines = [json.loads(line) for line in (await reading).splitlines()]
    kept = [line for line in lines if line["event"] == "line"]
    lost = sum(line["lines"] for line in lines if line["event"] == "log.dropped")
    assert len(kept) + lost == 900


def test_a_line_that_is_logged_while_another_is_written_comes_after_it() -> None:
    class Nested(io.StringIO):
        @override
        def write(self, text: str) -> int:
            if "outer" in text:
                ours.info("inner")
            return super().write(text)

    stream = Nested()
    with written(stream=stream):
        ours.info("outer")
    lines = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert lines == ["outer", "inner"]
