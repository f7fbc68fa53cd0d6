"""Loads the Agents SDK, without what of it may never be used.

It brings along the Model Context Protocol, for the sake of one class of errors, and some thousand
pydantic models. Both together are a third of the time that it takes to load.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter
from typing_extensions import override

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


@contextmanager
def _built_when_used(owner: type, name: str, value: Any) -> Iterator[None]:
    """Let pydantic build a validator when it is first used, not when its type is made."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


with ExitStack() as _loading:
    _loading.enter_context(_without_mcp())
    # openai's own models have it on already.
    _loading.enter_context(
        _built_when_used(BaseModel, "model_config", ConfigDict(defer_build=True))
    )
    # A union has no configuration: one of each kind of item takes as long as a hundred modules.
    _loading.enter_context(_built_when_used(TypeAdapter, "_defer_build", True))  # noqa: FBT003 - as it is
    import agents  # noqa: F401 - to be loaded is all
