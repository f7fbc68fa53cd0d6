"""The SDK's session for one run: gives the history, keeps what the run adds."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from agents.memory.session_settings import SessionSettings

from assistant.engine.halves import mended_item
from assistant.engine.jobs import Job
from assistant.engine.narration import sendable

_STEPS = frozenset({"function_call", "function_call_output"})


class Transcript:
    """The conversation as the model is given it.

    Nothing is stored from here: what was added becomes history together with the run's terminal
    event, so that history never holds half a run.
    """

    session_settings: SessionSettings | None = None

    def __init__(self, job: Job) -> None:
        self.session_id = job.run_id
        self._history = list(job.history)
        self.added: list[dict[str, Any]] = list(job.checkpoint.added) if job.checkpoint else []

    async def get_items(self, limit: int | None = None) -> list[Any]:
        """Return the history, or its last `limit` items."""
        items = [*self._history, *self.added]
        return items if limit is None else items[-limit:] if limit else []

    # The SDK looks at this before each use of a session, and working it out takes it long.
    get_items.__signature__ = signature(get_items)  # type: ignore[attr-defined]

    async def add_items(self, items: list[Any]) -> None:
        """Keep what the runner adds."""
        self.added.extend(mended_item(items))

    async def pop_item(self) -> Any:
        """Take back the newest item that was added."""
        return self.added.pop() if self.added else None

    async def clear_session(self) -> None:
        """Take back all that was added."""
        self.added.clear()

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
            return sendable(added)
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
