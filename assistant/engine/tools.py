"""The tools that personas can name, and how one that fails is told to the model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from agents import FunctionTool, RunContextWrapper, function_tool
from agents.run_config import ToolErrorFormatterArgs
from agents.tool_context import ToolContext

from assistant.engine.jobs import RunContext

log = structlog.get_logger(__name__)

Tools = Mapping[str, FunctionTool]


def tell_failure(wrapper: RunContextWrapper[Any], error: Exception) -> str:
    """Note that a tool failed, and return what the model is told of it."""
    if isinstance(wrapper, ToolContext) and isinstance(wrapper.context, RunContext):
        wrapper.context.failed_calls.add(wrapper.tool_call_id)
        log.warning("tool.failed", tool=wrapper.tool_name, error=type(error).__name__)
    return "The tool failed and changed nothing that you know of. Say so, and offer another way."


def format_failure(failure: ToolErrorFormatterArgs[Any]) -> str | None:
    """Tell the failure of a tool that leaves it to the SDK, which would repeat the exception."""
    if failure.kind != "tool_exception" or failure.error is None:
        return None
    return tell_failure(failure.run_context, failure.error)


@function_tool
def current_time() -> str:
    """Return today's weekday, date and time in UTC."""
    return datetime.now(UTC).strftime("%A, %d %B %Y, %H:%M UTC")


BUILT_IN: Tools = {"current_time": current_time}
