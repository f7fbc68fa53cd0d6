"""All that a process says goes through its log, and what libraries say has no content in it."""

from __future__ import annotations

import asyncio
import gc
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator

import pytest

from assistant.errors import SettingsError
from assistant.telemetry import configure_logging, log_loop_faults
from assistant.telemetry.logs.levels import HELD
from tests.loglines import Written, crashes_logged, written
from tests.processes import ROOT

CANARY = "canary7f3a"
# Libraries that may say all: at no level is there content in what is written in their code.
FREE = {
    "aiohttp",
    "asyncio",
    "client",
    "concurrent",
    "dotenv",
    "fastapi",  # the bench has it, and taskiq looks for it
    "griffe",
    "packaging",
    "sse_starlette",
    "uvicorn",
}


@pytest.fixture
def log() -> Iterator[Written]:
    with written() as lines:
        yield lines


lib = logging.getLogger("lib.part")


def test_a_library_is_told_by_what_is_written_in_its_code(log: Written) -> None:
    lib.warning("literal")
    lib.warning("of %s: %d took %.1f s, %s", CANARY, 3, 0.25, ValueError(CANARY))
    lib.warning("of %(what)s after %(number)d", {"what": CANARY, "number": 3})
    lib.warning("of %r", {CANARY: CANARY})
    lib.warning("kind %s", bytes)
    said = [line["event"] for line in log.lines]
    assert said == [
        "literal",
        "of …: 3 took 0.2 s, ValueError",
        "of … after 3",
        "of …",
        "kind bytes",
    ]
    assert {(line["logger"], line["level"]) for line in log.lines} == {("lib.part", "warning")}


@pytest.mark.parametrize(
    "given", [f"about {CANARY}", "about " + CANARY[:-1] + "a", ValueError(CANARY)]
)
def test_what_a_library_made_of_values_is_told_by_its_place(log: Written, given: object) -> None:
    lib.error(given)
    (line,) = log.lines
    assert line["event"] == "log.untold"
    assert line["place"].startswith("test_logs_libraries:")
    assert CANARY not in log.text


def test_a_library_that_logs_wrongly_leaves_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = "%d of %d"
    with written() as log:
        lib.warning(wrong, CANARY)
    assert capsys.readouterr().err == ""
    (line,) = log.lines
    assert (line["event"], line["logger"]) == ("log.failed", "lib.part")
    assert CANARY not in log.text


@pytest.mark.parametrize("name", HELD)
def test_held_libraries_say_warnings_and_no_less(name: str) -> None:
    part = logging.getLogger(f"{name}.part")
    before = part.level
    # As libraries do for their own debugging.
    part.setLevel(logging.DEBUG)
    try:
        with written("DEBUG") as log:
            part.debug("hidden")
            part.info("hidden")
            part.warning("seen")
    finally:
        part.setLevel(before)
    assert [line["event"] for line in log.lines] == ["seen"]


@pytest.mark.parametrize("name", ["sqlalchemy", "sqlalchemy.engine.Engine", "openai.agents"])
def test_no_setting_lowers_what_is_held(name: str) -> None:
    with pytest.raises(SettingsError, match=f"^LOG_LEVELS: {name} stays at WARNING or above, as"):
        configure_logging("INFO", "json", levels={name: "DEBUG"})


def test_all_libraries_are_either_held_or_known_to_be_harmless() -> None:
    # A new library's loggers are looked through before it is written down here or there.
    script = (
        "import logging, assistant.cli.serving, assistant.cli.doctor, assistant.worker.broker\n"
        "import alembic.command, aiosqlite, asyncpg\n"
        "print(*logging.root.manager.loggerDict)"
    )
    command = [sys.executable, "-c", script]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    unknown = {
        name
        for name in names.split()
        if not any(name == known or name.startswith(f"{known}.") for known in (*HELD, *FREE))
    }
    assert unknown == set()


def test_warnings_are_told_by_kind_and_place(log: Written) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old\nway", DeprecationWarning, stacklevel=1)
        warnings.warn(f"value {CANARY}", UserWarning, stacklevel=1)
    old, user = log.lines
    assert (old["event"], old["level"], old["words"]) == ("python.warning", "warning", "old\nway")
    assert old["place"].startswith("tests/telemetry/test_logs_libraries.py:")
    assert user["kind"] == "UserWarning"
    assert CANARY not in log.text


def _fail() -> None:
    raise RuntimeError(f"no {CANARY}")


def test_threads_that_crash_and_what_cannot_be_raised(log: Written) -> None:
    class Falls:
        def __del__(self) -> None:
            _fail()

    with crashes_logged():
        thread = threading.Thread(target=_fail, name="worker-1")
        thread.start()
        thread.join()
        falls = Falls()
        del falls
        gc.collect()
    crashed, unraisable = log.lines
    assert (crashed["event"], crashed["thread"]) == ("thread.crashed", "worker-1")
    assert unraisable["event"] == "process.unraisable"
    assert [line["exception"][0]["type"] for line in log.lines] == ["RuntimeError"] * 2
    assert CANARY not in log.text


async def test_a_loop_tells_of_tasks_nobody_waits_for_and_of_callbacks(log: Written) -> None:
    async def fail(word: str) -> None:
        raise RuntimeError(word)

    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    log_loop_faults(loop)
    try:
        loop.call_soon(lambda _: _fail(), CANARY)
        task = asyncio.create_task(fail(CANARY), name="task-1")
        await asyncio.wait({task})
        del task
        gc.collect()
    finally:
        loop.set_exception_handler(before)
    callback, task_line = log.lines
    assert callback["what"].startswith("Exception in callback")
    assert (task_line["what"], task_line["task"]) == (
        "Task exception was never retrieved",
        "task-1",
    )
    assert {line["event"] for line in log.lines} == {"loop.fault"}
    assert CANARY not in log.text


async def test_a_loop_that_debugs_tells_of_slow_callbacks(log: Written) -> None:
    async def slow(_word: str) -> None:
        await asyncio.sleep(0)

    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    limit, loop.slow_callback_duration = loop.slow_callback_duration, 0
    try:
        loop.call_soon(str, CANARY)
        await asyncio.create_task(slow(CANARY), name=CANARY)
    finally:
        loop.set_debug(False)
        loop.slow_callback_duration = limit
    events = [line["event"] for line in log.lines if line["logger"] == "asyncio"]
    assert any(event.startswith("Executing … took 0.0") for event in events)
    assert any(".slow took 0.0" in event for event in events)
    assert CANARY not in log.text


CRASH = """
import sys
from assistant.telemetry import configure_logging, log_crashes
configure_logging("DEBUG", "json")
log_crashes()
if sys.argv[1] == "asked":
    raise KeyboardInterrupt
raise ValueError(sys.argv[1])
"""


@pytest.mark.parametrize(
    ("how", "event"), [(CANARY, "process.crashed"), ("asked", "process.interrupted")]
)
def test_a_process_that_crashes_leaves_one_line(how: str, event: str) -> None:
    command = [sys.executable, "-c", CRASH, how]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert ended.returncode != 0
    (line,) = ended.stderr.decode().splitlines()
    assert f'"event":"{event}"' in line
    assert CANARY not in line
