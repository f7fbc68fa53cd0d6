"""Measures one call of a model: how long, how soon, how many tokens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self

from openai.types.responses import ResponseUsage

from assistant.engine import faults
from assistant.metrics import models

# Says that there will be an answer, and nothing of it.
_PREAMBLE = frozenset({"response.created", "response.in_progress"})


async def measured(events: AsyncGenerator[Any], provider: str, model: str) -> AsyncGenerator[Any]:
    """Pass on the events of a model's answer, and measure it."""
    with _Call(provider, model) as call:
        async with aclosing(events):
            async for event in events:
                call.hear(event)
                yield event


class _Call:
    """One try at an answer, as a context; costs each token two comparisons."""

    __slots__ = ("_begun", "_ended", "_labels", "_started")

    def __init__(self, provider: str, model: str) -> None:
        self._labels = {"operation": "chat", "provider": provider, "model": model}
        self._started = time.monotonic()
        self._begun: float | None = None
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._ended:
            # Whoever has the whole answer may leave without asking for its end.
            self._end(_code(error) if error else "internal")

    def hear(self, event: Any) -> None:
        """Take note of an event of the SDK's stream."""
        kind = event.type
        if self._begun is None and kind not in _PREAMBLE:
            self._begun = time.monotonic()
            models.FIRST_CHUNK.record(self._begun - self._started, **self._labels)
        if kind == "response.completed":
            self._finish(self._end(None), event.response.usage)

    def _end(self, error: str | None) -> float:
        self._ended, now = True, time.monotonic()
        models.CALL_DURATION.record(now - self._started, **self._labels, error=error)
        return now

    def _finish(self, now: float, usage: ResponseUsage | None) -> None:
        if usage is None:
            return
        made = usage.output_tokens
        models.TOKENS.record(usage.input_tokens, **self._labels, type="input")
        models.TOKENS.record(made, **self._labels, type="output")
        if self._begun is not None and made > 1:
            models.TOKEN_TIME.record((now - self._begun) / (made - 1), **self._labels)


def _code(error: BaseException) -> str:
    if isinstance(error, (asyncio.CancelledError, GeneratorExit)):
        return "cancelled"
    fault = faults.explain(error)
    return fault.code if fault else "internal"
