"""What a run leaves in memory: nothing that waits for the next collection of garbage."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
from agents.testing import ScriptedModel

from assistant.engine.text import Text
from tests.engine.stage import Stage, play, spoken


@pytest.fixture(autouse=True)
def uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def test_a_run_is_gone_when_nobody_asks_for_it_any_more() -> None:
    stage, model = Stage(), ScriptedModel([spoken("Good", " day.")])
    execution = play(stage, model)
    await execution.run()
    execution.close()
    assert execution.text == "Good day."
    left, told = weakref.ref(execution), weakref.ref(stage)
    del execution, stage, model
    assert left() is None
    assert told() is None


@pytest.mark.parametrize("pieces", [0, 1, 31, 32, 33, 1_000])
def test_a_text_is_its_pieces_in_order(pieces: int) -> None:
    text = Text()
    for number in range(pieces):
        text.add(f"{number} ")
    assert str(text) == "".join(f"{number} " for number in range(pieces))
    text.add("end")
    assert str(text).endswith("end")
