"""The tools of one run, as the SDK wants them: arguments checked, effects made once."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import structlog
from agents import FunctionTool
from agents.strict_schema import ensure_strict_json_schema
from agents.tool_context import ToolContext
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from assistant.engine import tracing
from assistant.engine.effects import Ledger
from assistant.engine.jobs import Effect, Job, Record, RunContext
from assistant.errors import LeaseLostError
from assistant.metrics import work
from assistant.persona import Persona
from assistant.tool import FAILED as FAILURE
from assistant.tool import MISSHAPEN, Call, NoArguments, Tool, ToolRefusedError, Tools

log = structlog.get_logger(__name__)

FAILED = f"{FAILURE} and changed nothing that you know of. Say so, and offer another way."
_LAST_EFFECTS = 10.0
_LONGEST_NAME = 80


class Toolbox:
    """Runs the tools of one run, and remembers which effects are under way, and which were made.

    `ordinal` says how many calls of one id the model has made before: some servers use an id
    twice.
    """

    def __init__(
        self, job: Job, tools: Tools, record: Record, ordinal: Callable[[str], int]
    ) -> None:
        self._job = job
        self._tools = tools
        self._ledger = Ledger(record)
        self._ordinal = ordinal
        self._under_way: set[asyncio.Task[Any]] = set()
        self.made: dict[str, Effect] = {}

    def __getitem__(self, name: str) -> Tool[Any]:
        return self._tools[name]

    async def settle(self) -> None:
        """Wait, within reason, until effects that are under way are made and written down."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_LAST_EFFECTS)

    async def invoke(
        self, tool: Tool[Any], context: ToolContext[RunContext], arguments: str
    ) -> str:
        """Make a call of the model's and return what it is told."""
        theirs, outcomes = context.tool_call_id, context.context.outcomes
        tracing.begin_tool(tool, theirs)
        try:
            given = parse(tool, arguments)
        except ValueError as error:
            outcomes[theirs] = "error"
            tracing.refuse("invalid_arguments")
            return str(error)
        call = self.call(tool, theirs, arguments)
        with _measured(tool.name) as ended:
            if tool.effectful:
                outcome, output = await self._effect(tool, call, given, theirs)
            else:
                outcome, output = await _look(tool, call, given)
            ended.append(outcome)
        tracing.conclude(outcome)
        if outcome != "ok":
            outcomes[theirs] = outcome
        return output

    async def _effect(
        self, tool: Tool[Any], call: Call, given: BaseModel, theirs: str
    ) -> tuple[str, str]:
        making = asyncio.create_task(
            self._ledger.make(tool, call, given), name=f"effect {tool.name}"
        )
        self._under_way.add(making)
        making.add_done_callback(self._under_way.discard)
        making.add_done_callback(lambda made: self._note(theirs, made))
        # Who cancels the run does not cut an effect in two.
        effect = await asyncio.shield(making)
        return effect.outcome, effect.output

    def _note(self, theirs: str, made: asyncio.Task[Any]) -> None:
        if not made.cancelled() and made.exception() is None:
            self.made[theirs] = made.result()

    def call(self, tool: Tool[Any], theirs: str, arguments: str) -> Call:
        """Return the call that the model makes under an id of its own."""
        job = self._job
        digest = arguments_hash(tool.name, arguments)[:16]
        return Call(
            key=f"{job.run_id}:{theirs}:{self._ordinal(theirs)}:{digest}",
            run_id=job.run_id,
            call_id=theirs,
            correlation_id=job.correlation_id,
            principal=job.principal,
            session_id=job.session_id or job.run_id,
            user_id=job.turn.user_id,
            page=job.turn.context,
        )


def as_function(tool: Tool[Any], persona: Persona) -> FunctionTool:
    """Return one of a persona's tools for the SDK; the run's own toolbox is in its context."""

    async def invoke(context: ToolContext[RunContext], arguments: str) -> str:
        return await context.context.toolbox.invoke(tool, context, arguments)

    return FunctionTool(
        name=tool.name,
        description=tool.description,
        params_json_schema=ensure_strict_json_schema(tool.arguments.model_json_schema()),
        on_invoke_tool=invoke,
        # The SDK stops before such a call, so that the call itself is in the checkpoint: an
        # effect is made under an id and with arguments that no crash can change.
        needs_approval=tool.effectful or tool.name in persona.file.approvals,
    )


def parse(tool: Tool[Any], arguments: str) -> BaseModel:
    """Return what the model gave as the tool's arguments.

    Raises:
        ValueError: when it is not of their shape; says what is wrong, for the model.
    """
    try:
        given: BaseModel = tool.arguments.model_validate_json(arguments or "{}")
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)[:3]
        told = "; ".join(f"{_place(fault)}: {fault['msg']}" for fault in faults)
        message = f"{MISSHAPEN}: {told}."
        raise ValueError(message) from None
    return given


def _place(fault: ErrorDetails) -> str:
    """Return which argument is wrong; a name that the model made up may be of any length."""
    return ".".join(map(str, fault["loc"]))[:_LONGEST_NAME] or "all"


def arguments_hash(name: str, arguments: str) -> str:
    """Return the name of a call's exact arguments: SHA-256 over the tool's name and their text."""
    return hashlib.sha256(f"{name}\n{arguments}".encode()).hexdigest()


@contextmanager
def _measured(name: str) -> Iterator[list[str]]:
    """Measure how long a tool takes; whoever gives its outcome says that it came to an end."""
    begun, outcome = time.monotonic(), list[str]()
    try:
        yield outcome
    finally:
        ended = outcome[0] if outcome else "cancelled"
        work.TOOL_DURATION.record(
            time.monotonic() - begun,
            operation="execute_tool",
            tool=name,
            error=None if ended == "ok" else ended,
        )


async def _look(tool: Tool[Any], call: Call, given: BaseModel) -> tuple[str, str]:
    try:
        return "ok", await tool.run(call, given)
    except ToolRefusedError as error:
        tracing.refuse("refused")
        return "error", str(error)
    except LeaseLostError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a tool does, the run goes on
        log.warning("tool.failed", tool=tool.name, error=type(error).__name__)
        tracing.refuse(type(error).__name__)
        return "error", FAILED


async def _current_time(_call: Call, _arguments: NoArguments) -> str:
    return datetime.now(UTC).strftime("%A, %d %B %Y, %H:%M UTC")


BUILT_IN: Tools = {
    "current_time": Tool(
        name="current_time",
        description="Return today's weekday, date and time in UTC.",
        arguments=NoArguments,
        run=_current_time,
    )
}
