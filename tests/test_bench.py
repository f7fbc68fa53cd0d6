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
from assistant.wire import socket, sse
from bench.kit.connections import Recording
from bench.kit.frames import WrongAnswerError
from bench.kit.goals import told
from bench.kit.load import Load, drive
from bench.kit.servers import upstream
from bench.kit.wires import MODEL, OURS, OURS_SOCKET
from bench.kit.witness import lateness
from tests.processes import ROOT

pytestmark = pytest.mark.no_cover

FIRST, *OTHERS = (f"{number}@{number + 1:011d}000 " for number in range(3))
TEXT = "".join([FIRST, *OTHERS])
EVENTS: list[Event] = [
    RunStarted("talker", "1", "bench", 1),
    MessageStarted("msg_1", 0),
    MessageDelta("msg_1", FIRST),
    MessageDelta("msg_1", "".join(OTHERS)),
    MessageCompleted("msg_1", TEXT),
    RunCompleted(TEXT, Usage()),
]


async def _run(scenario: str, folder: Path, *flags: str) -> tuple[str, list[dict[str, Any]]]:
    """Run a scenario in its short form; returns what it printed, and its figures."""
    figures = folder / f"{scenario}.json"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"bench.{scenario}", "--quick", "--json", str(figures), *flags),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode(), json.loads(figures.read_text("utf-8"))["results"]


async def test_the_durable_log_is_compared_with_the_same_server_in_memory(tmp_path: Path) -> None:
    printed, rows = await _run("durable_log", tmp_path, "--variants", "memory,everysec")
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
    printed, rows = await _run("telemetry", tmp_path, "--variants", "off,live")
    assert "|  | tracing off | a live collector |" in printed
    assert [(row["variant"], len(row["rounds"])) for row in rows] == [("off", 1), ("live", 1)]


async def test_all_kinds_of_server_answer_in_one_comparison(tmp_path: Path) -> None:
    names = "fastapi,socket,relay,model,model-responses"
    _, rows = await _run("throughput", tmp_path, "--variants", names)
    assert [row["variant"] for row in rows] == names.split(",")
    # Where nobody stands between, the model's whole answer is what is measured.
    by_name = {row["variant"]: row["rounds"][0] for row in rows}
    assert by_name["model"]["tokens_per_second"] > 5 * by_name["socket"]["tokens_per_second"]
    table = told(tmp_path, ["throughput"])
    assert any("not measured" in row for row in table)


async def test_a_log_is_resumed_and_read_by_many(tmp_path: Path) -> None:
    _, [row] = await _run("resume", tmp_path)
    [once] = row["rounds"]
    assert once["entries"] > 5
    assert 0 < once["first_p50_ms"] <= once["first_p99_ms"]


async def test_the_model_spreads_what_it_says_over_the_pace(tmp_path: Path) -> None:
    load = Load("paced", streams=20, runs=1, tokens=10, pace=0.02, spread=0.02)
    async with upstream(tmp_path) as model:
        host, _, port = model.url.removeprefix("http://").rpartition(":")
        answers = [MODEL.read(one, 10) for one in await drive(host, int(port), load, MODEL)]
    for answer in answers:
        for number, stamp in enumerate(answer.stamps):
            assert stamp >= answer.span[0] + number * load.pace - 1e-5
    # Streams that began one after the other go on so, rather than in ten bursts.
    assert len({round(stamp, 3) for answer in answers for stamp in answer.stamps}) > 40


def test_delays_of_a_busy_machine_are_not_judged(tmp_path: Path) -> None:
    calm = {"quiet": 1.0, "delay_p99_ms": 10.0, "lag_p99_ms": 1.0, "first_p99_ms": 9.0}
    busy = {"quiet": 0.0, "delay_p99_ms": 90.0, "lag_p99_ms": 1.0, "first_p99_ms": 9.0}
    for rounds, said in (
        ([calm, busy, busy], "10.0 | yes"),
        ([busy], "90.0 | machine too busy to judge"),
    ):
        rows = [{"load": "100 paced", "variant": "ours", "rounds": rounds}]
        (tmp_path / "paced.json").write_text(json.dumps({"results": rows}))
        assert f"| 100 paced: added to a token, ms, p99 | at most 20 | {said} |" in told(
            tmp_path, ["paced"]
        )


RUN = Run("run_1", "ses_1", Principal("o"), "talker", "1", "bench", "m", "c", Turn("Go"), now())


def recorded(spoil: Callable[[list[bytes]], object] = len) -> Recording:
    """Return an answer as it comes, a frame each ten milliseconds, spoilt on its way."""
    frames = [sse.frame(RUN, Entry(number, event)) for number, event in enumerate(EVENTS)]
    spoil(frames)
    chunks = [b"%x\r\n%b\r\n" % (len(frame), frame) for frame in frames]
    pieces = [b"HTTP/1.1 200 OK\r\n\r\n", *chunks, b"0\r\n\r\n"]
    return Recording(0, [(10_000_000 * n, piece) for n, piece in enumerate(pieces)])


def test_an_answer_is_timed_from_what_was_recorded() -> None:
    answer = OURS.read(recorded(), 3)
    assert (answer.first, answer.whole, answer.frames) == (0.03, 0.07, 2)
    assert answer.delays == [0.029, 0.038, 0.037]
    assert answer.stamps == [0.001, 0.002, 0.003]
    assert lateness([answer], pace=0.0005) == pytest.approx(0.001)


def test_an_answer_is_the_same_in_however_many_pieces_it_came() -> None:
    whole = b"".join(piece for _, piece in recorded().pieces)
    bytewise = Recording(0, [(n, whole[n : n + 1]) for n in range(len(whole))])
    assert OURS.read(bytewise, 3).frames == 2


def test_an_answer_over_a_websocket_is_read_message_by_message() -> None:
    messages = [socket.frame(RUN, Entry(number, event)) for number, event in enumerate(EVENTS)]
    answer = OURS_SOCKET.read(Recording(0, [(0, message) for message in messages]), 3)
    assert answer.frames == 2
    with pytest.raises(WrongAnswerError):
        OURS_SOCKET.read(Recording(0, [(0, message) for message in messages[1:]]), 3)


SPOILT: dict[str, Callable[[list[bytes]], object]] = {
    "lost": lambda frames: frames.pop(1),
    "doubled": lambda frames: frames.insert(2, frames[2]),
    "swapped": lambda frames: frames.insert(2, frames.pop(3)),
    "changed": lambda frames: frames.append(frames.pop().replace(b"1@0", b"1@9")),
    "unended": lambda frames: frames.pop(),
    "not whole": lambda frames: frames.append(b"id: 6\ndata: {"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_an_answer_that_was_spoilt_is_refused(how: str) -> None:
    with pytest.raises(WrongAnswerError):
        OURS.read(recorded(SPOILT[how]), 3)


def test_an_answer_that_is_too_short_is_refused() -> None:
    with pytest.raises(WrongAnswerError):
        OURS.read(recorded(), 4)
