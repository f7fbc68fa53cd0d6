"""Loads the Agents SDK, without what of it may never be used.

It brings along the Model Context Protocol, for the sake of one class of errors, every type of the
model API, and some thousand pydantic models. All of it is half of the time that it takes to load.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType

from pydantic import BaseModel, ConfigDict, TypeAdapter
from typing_extensions import override

from assistant.loading import by_name, replaced

_ERRORS = "mcp.shared.exceptions"


class _AsLoaded(type):
    """Knows the protocol's own errors, once somebody has loaded it: before, there are none."""

    @override
    def __instancecheck__(cls, instance: object) -> bool:
        errors = sys.modules.get(_ERRORS)
        return errors is not None and isinstance(instance, errors.MCPError)


class MCPError(Exception, metaclass=_AsLoaded):
    """Stands for the error of the same name, of which the SDK only asks what is one."""


@contextmanager
def _without_mcp() -> Iterator[None]:
    """Spare the SDK loading the protocol: it does so for whoever makes an MCP server."""
    if _ERRORS in sys.modules:
        yield
        return
    stand_in = ModuleType(_ERRORS)
    vars(stand_in)["MCPError"] = MCPError
    sys.modules[_ERRORS] = stand_in
    try:
        yield
    finally:
        del sys.modules[_ERRORS]


with ExitStack() as _loading:
    _loading.enter_context(_without_mcp())
    _loading.enter_context(by_name("openai.types"))
    # Validators are built when first used. openai's own models do so already.
    _loading.enter_context(replaced(BaseModel, "model_config", ConfigDict(defer_build=True)))
    # A union has no configuration: one of each kind of item takes as long as a hundred modules.
    _loading.enter_context(replaced(TypeAdapter, "_defer_build", value=True))
    import agents  # noqa: F401 - to be loaded is all
