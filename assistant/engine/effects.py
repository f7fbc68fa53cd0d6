"""Makes effects once: intent before, result after, and doubt told instead of repeated."""

from __future__ import annotations

from typing import Any

import structlog
from pydantic import BaseModel

from assistant.engine import tracing
from assistant.engine.jobs import Effect, Record
from assistant.tool import FAILED, UNCERTAIN, Call, Tool, ToolRefusedError

log = structlog.get_logger(__name__)

_UNCERTAIN = (
    f"{UNCERTAIN}: something broke while it was being done. Do not "
    "try it again. Tell the user plainly that it may or may not have happened, and how to check."
)


class Ledger:
    """Makes the effectful calls of one run under its record."""

    def __init__(self, record: Record) -> None:
        self._record = record

    async def make(self, tool: Tool[Any], call: Call, given: BaseModel) -> Effect:
        """Make a call that has not been made, and return how it ended; else how it ended then.

        Raises:
            LeaseLostError: when another worker has taken the run over.
        """
        earlier = await self._record.intend(call.key, tool.name)
        if earlier is not None and earlier.outcome != "intent":
            log.info("tool.replayed", tool=tool.name, outcome=earlier.outcome)
            tracing.replay()
            return earlier
        if earlier is not None:
            effect = await self._resolved(tool, call, given)
        else:
            effect = await self._made(tool, call, given)
        await self._record.conclude(call.key, effect)
        return effect

    async def _made(self, tool: Tool[Any], call: Call, given: BaseModel) -> Effect:
        try:
            return Effect(tool.name, "ok", await tool.run(call, given))
        except ToolRefusedError as error:
            tracing.refuse("refused")
            return Effect(tool.name, "error", str(error))
        except Exception as error:  # noqa: BLE001 - whatever a tool does, the run goes on
            log.warning("tool.failed", tool=tool.name, error=type(error).__name__)
            tracing.refuse(type(error).__name__)
            found = await self._found(tool, call, given)
            # A check that finds nothing right after a failure says that there was no effect.
            return found or _nothing_done(tool)

    async def _resolved(self, tool: Tool[Any], call: Call, given: BaseModel) -> Effect:
        """Find out about a call that was begun and never concluded."""
        found = await self._found(tool, call, given)
        if found is not None:
            log.info("tool.resolved", tool=tool.name, outcome=found.outcome)
            return found
        log.info("tool.repeated", tool=tool.name)
        return await self._made(tool, call, given)

    async def _found(self, tool: Tool[Any], call: Call, given: BaseModel) -> Effect | None:
        """Return what the tool's own check finds; None says that there was no effect."""
        if tool.check is None:
            log.warning("tool.uncertain", tool=tool.name)
            return Effect(tool.name, "uncertain", _UNCERTAIN)
        try:
            output = await tool.check(call, given)
        except Exception as error:  # noqa: BLE001 - a check that fails leaves the doubt
            log.warning("tool.uncertain", tool=tool.name, error=type(error).__name__)
            return Effect(tool.name, "uncertain", _UNCERTAIN)
        return None if output is None else Effect(tool.name, "ok", output)


def _nothing_done(tool: Tool[Any]) -> Effect:
    told = f"{FAILED}, and nothing was changed. Say so, and offer to try again later."
    return Effect(tool.name, "error", told)
