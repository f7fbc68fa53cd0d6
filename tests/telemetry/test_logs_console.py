"""The form for a terminal: one line an event what happened first, and nothing steers it."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
import structlog
from typing_extensions import override

from tests.loglines import written

ours = structlog.get_logger("assistant.tests")
ESCAPE = "\x1b"


class Terminal(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


def test_a_line_says_when_how_bad_and_what_then_the_rest() -> None:
    with written(form="console") as log:
        ours.warning("store.fallback", to="embedded", seconds=0.5, words="two words", ids=["a", 1])
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d\.\d{3} warning  store\.fallback"
        r'  to=embedded seconds=0\.5 words="two words" ids=\["a",1\]  \[assistant\.tests\]\n',
        log.text,
    )


def test_an_exception_follows_its_line() -> None:
    with written(form="console") as log:
        try:
            open("/nowhere/at-all")  # noqa: PTH123, SIM115 - for the error
        except OSError:
            ours.exception("run.crashed", run_id="run_1")
    first, kind, *frames = log.text.splitlines()
    assert first.endswith("run.crashed  run_id=run_1  [assistant.tests]")
    assert kind == '    FileNotFoundError "ENOENT No such file or directory"'
    assert len(frames) == 1
    assert re.fullmatch(r"        \S+test_logs_console:\d+ test_an_exception_\w+", frames[0])


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["file", "terminal"])
def test_colours_are_for_terminals(stream: io.StringIO) -> None:
    with written(form="console", stream=stream):
        ours.error("x", text="plain")
    coloured = ESCAPE in stream.getvalue()
    assert coloured == stream.isatty()
    assert re.sub(f"{ESCAPE}\\[[0-9;]*m", "", stream.getvalue()).endswith(
        "text=plain  [assistant.tests]\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        f"{ESCAPE}[2J{ESCAPE}]0;title\x07",
        "a\r\nlevel=error b",
        "a\u2028b\u0085c",
        "\x9b31m",
        "back\u202ewards",
        "a\x00b\x7f",
    ],
)
def test_nothing_in_a_value_reaches_the_terminal_as_a_command(text: str) -> None:
    fields: dict[str, Any] = {"text": text, text: 1, "deep": {text: [text]}}
    with written(form="console", stream=(stream := Terminal())):
        ours.info(text, **fields)
    plain = re.sub(f"{ESCAPE}\\[[0-9;]*m", "", stream.getvalue()).removesuffix("\n")
    assert plain.isprintable()
    assert len(plain.splitlines()) == 1
