"""The benchmarks run, and check each byte that they are answered; their figures are not judged."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant.events import (
    Entry,
    Event,
    MessageCompleted,
    MessageDelta,
    MessageStarted,
    RunCompleted,
    RunStarted,
    Usage,
)
from assistant.models import Principal, Run, Turn, now
from assistant.wire import sse
from bench.answers import WrongAnswerError, read_answer
from bench.load import Recording
from tests.processes import ROOT

TEXT = "0@1000000 1@2000000 2@3000000 "
EVENTS: list[Event] = [
    RunStarted("talker", "1", "bench", 1),
    MessageStarted("msg_1", 0),
    MessageDelta("msg_1", "0@1000000 "),
    MessageDelta("msg_1", "1@2000000 2@3000000 "),
    MessageCompleted("msg_1", TEXT),
    RunCompleted(TEXT, Usage()),
]


async def _run(scenario: str, variants: str, folder: Path) -> tuple[str, list[dict[str, Any]]]:
    """Run a scenario in its short form; returns what it printed, and its figures."""
    figures = folder / "figures.json"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"bench.{scenario}", "--quick"),
        *("--variants", variants, "--json", str(figures)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode(), json.loads(figures.read_text("utf-8"))["results"]


async def test_the_durable_log_is_compared_with_the_same_server_in_memory(tmp_path: Path) -> None:
    printed, rows = await _run("durable_log", "memory,everysec", tmp_path)
    assert "| server's CPU, µs per token |" in printed
    assert [(row["variant"], len(row["rounds"])) for row in rows] == [
        ("memory", 1),
        ("everysec", 1),
    ] * 2
    for row in rows:
        [once] = row["rounds"]
        assert once["tokens_per_second"] > 0
        assert once["server_us"] > 0
        assert (once["store_us"] > 0) == (row["variant"] != "memory")


async def test_what_traces_cost_is_compared_with_no_traces(tmp_path: Path) -> None:
    printed, rows = await _run("telemetry", "off,live", tmp_path)
    assert "|  | tracing off | a live collector |" in printed
    assert [(row["variant"], len(row["rounds"])) for row in rows] == [("off", 1), ("live", 1)]


def recorded(spoil: Callable[[list[bytes]], object] = len) -> Recording:
    """Return an answer as it comes, a frame each ten milliseconds, spoilt on its way."""
    run = Run("run_1", "ses_1", Principal("o"), "talker", "1", "bench", "m", "c", Turn("Go"), now())
    frames = [sse.frame(run, Entry(number, event)) for number, event in enumerate(EVENTS)]
    spoil(frames)
    chunks = [b"%x\r\n%b\r\n" % (len(frame), frame) for frame in frames]
    pieces = [b"HTTP/1.1 200 OK\r\n\r\n", *chunks, b"0\r\n\r\n"]
    return Recording(0, [(10_000_000 * n, piece) for n, piece in enumerate(pieces)])


def test_an_answer_is_timed_from_what_was_recorded() -> None:
    answer = read_answer(recorded(), tokens=3)
    assert (answer.first, answer.whole, answer.frames) == (0.03, 0.06, 2)
    assert answer.delays == [0.029, 0.038, 0.037]


SPOILT: dict[str, Callable[[list[bytes]], object]] = {
    "lost": lambda frames: frames.pop(1),
    "doubled": lambda frames: frames.insert(2, frames[2]),
    "swapped": lambda frames: frames.insert(2, frames.pop(3)),
    "changed": lambda frames: frames.append(frames.pop().replace(b"1@2", b"1@9")),
    "unended": lambda frames: frames.pop(),
    "not whole": lambda frames: frames.append(b"id: 6\ndata: {"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_an_answer_that_was_spoilt_is_refused(how: str) -> None:
    with pytest.raises(WrongAnswerError):
        read_answer(recorded(SPOILT[how]), tokens=3)


def test_an_answer_that_is_too_short_is_refused() -> None:
    with pytest.raises(WrongAnswerError):
        read_answer(recorded(), tokens=4)
