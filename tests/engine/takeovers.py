"""A run of three steps for tests: whole, and taken over from each of its checkpoints."""

from __future__ import annotations

from typing import Any

from agents.testing import ScriptedModel, assistant_message, function_call

from assistant.engine import Checkpoint, Execution
from assistant.events import ToolReturned
from tests.engine.stage import Stage, play, spoken
from tests.engine.till import Till, cashier

TEXT = "One.\n\nTwo.\n\nThree is all."


def steps() -> list[Any]:
    """Return what a model says that looks twice at once, then pays and looks, then answers."""
    return [
        [
            assistant_message("One."),
            function_call("look", {"amount": 1}, call_id="c1"),
            function_call("look", {"amount": 2}, call_id="c2"),
        ],
        [
            assistant_message("Two."),
            function_call("pay", {"amount": 3}, call_id="c3"),
            function_call("look", {"amount": 4}, call_id="c4"),
        ],
        spoken("Three ", "is ", "all."),
    ]


def begin(stage: Stage, till: Till, **job: Any) -> tuple[ScriptedModel, Execution]:
    """Return a run at its beginning."""
    model = ScriptedModel(steps())
    return model, play(stage, model, persona=cashier(), tools=till.tools, **job)


def take_over(
    stage: Stage, till: Till, checkpoint: Checkpoint, **job: Any
) -> tuple[ScriptedModel, Stage, Execution]:
    """Return the run as another process takes it over from a checkpoint."""
    after = stage.events[checkpoint.sequence + 1 :]
    told = {event.call_id for event in after if isinstance(event, ToolReturned)}
    later = Stage(ledger=stage.ledger)
    model = ScriptedModel(steps()[_asked(checkpoint) :])
    usual: dict[str, Any] = {
        "persona": cashier(),
        "checkpoint": checkpoint,
        "told": frozenset(told),
    }
    return model, later, play(later, model, tools=till.tools, **(usual | job))


def _asked(checkpoint: Checkpoint) -> int:
    """Return how many calls of the model a checkpoint covers: each begins with a message."""
    return len(checkpoint.said)


async def whole(*, crowded: float = 0) -> tuple[Stage, Till, Execution]:
    """Make the run in one go, told to a record at this pace."""
    stage, till = Stage(crowded=crowded), Till()
    model, execution = begin(stage, till)
    await execution.run()
    model.assert_complete()
    return stage, till, execution


def outputs(checkpoint: Checkpoint) -> list[str]:
    """Return which calls a checkpoint has the outputs of."""
    found = [i for i in checkpoint.added if i.get("type") == "function_call_output"]
    return [item["call_id"] for item in found]
