"""What a run's model is given of the conversation, and what the run adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.result import RunResultStreaming

from assistant.engine.halves import mended_item
from assistant.engine.jobs import Job
from assistant.engine.narration import sendable

_STEPS = frozenset({"function_call", "function_call_output"})
# Of whose answer it is, `provider_data`, the SDK makes use only where there is reasoning, too.
_USUAL = frozenset({"id", "role", "status", "provider_data"})
# Stands in the SDK's list beside the call that waits for a yes, and is for no model.
_WAITING = "tool_approval_item"


class Transcript:
    """The conversation as the model is given it.

    The SDK's own sessions would do the same, at a sixth of what its runner costs: they compare all
    that is added with all that is there, after each step.

    Nothing is stored from here: what was added becomes history together with the run's terminal
    event, so that history never holds half a run.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._kept: list[dict[str, Any]] = list(job.checkpoint.added) if job.checkpoint else []
        self._result: RunResultStreaming | None = None

    @property
    def given(self) -> list[Any]:
        """The history, and the user's message."""
        return [*self._job.history, {"role": "user", "content": self._job.turn.text}]

    def follow(self, result: RunResultStreaming) -> None:
        """Take what the run adds from a result of the SDK's, which has all since its beginning."""
        self._result = result

    def take(self, items: list[dict[str, Any]]) -> None:
        """Take what a run has added that needed no runner."""
        self._kept = [mended_item(_plain(item)) for item in items]

    def rest(self) -> None:
        """Keep what was added so far, and let the SDK's result go, which holds on to the run."""
        self._kept = self.added
        if self._result is not None:
            # By this the result holds itself, and all of the run, until garbage is collected.
            self._result._sandbox_cleanup = None  # noqa: SLF001 - it has no door for that
            self._result = None

    @property
    def added(self) -> list[dict[str, Any]]:
        """What the run has added since its very beginning, in complete steps."""
        if self._result is None:
            return list(self._kept)
        items = [item for item in self._result.new_items if item.type != _WAITING]
        return [mended_item(_plain(item.to_input_item())) for item in items]

    @property
    def has_calls(self) -> bool:
        """Whether a tool was called."""
        return any(item.get("type") == "function_call" for item in self.added)

    def answered(self, call_id: str) -> int:
        """Return how many calls of that id have their output."""
        return sum(
            item.get("type") == "function_call_output" and item.get("call_id") == call_id
            for item in self.added
        )

    def items(self, text: str, *, whole: bool, effects: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return what the next run's model is given of this one, without the user's message.

        Args:
            text: what was said.
            whole: whether the answer is.
            effects: outputs of effects that were made, by call id; one that was made just before
                a run was stopped is in no item yet, and has to be remembered all the same.
        """
        added = [item for item in self.added if item.get("role") != "user"]
        if whole and added:
            return _brief(sendable(added))
        # By its id, a provider would miss the reasoning that stood before a call.
        steps = [
            {name: value for name, value in item.items() if name != "id"}
            for item in added
            if item.get("type") in _STEPS
        ]
        steps += [
            {"type": "function_call_output", "call_id": call_id, "output": output}
            for call_id, output in effects.items()
            if not self.answered(call_id)
        ]
        said = [{"role": "assistant", "content": text}] if text else []
        return sendable(steps) + said


def _brief(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return an answer of nothing but text as that: the SDK copies all of it in each later run."""
    match items:
        case [
            {"type": "message", "content": [{"type": "output_text", "text": text, **more}], **rest}
        ] if not any(more.values()) and rest.keys() <= _USUAL:
            return [{"role": "assistant", "content": text}]
        case _:
            return items


def _plain(item: Any) -> dict[str, Any]:
    """Return an item without a status that it has not."""
    return {name: value for name, value in item.items() if name != "status" or value is not None}
