"""What a tool is: declared by whoever owns its effect, run by the engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from assistant.models import Principal

_Arguments = TypeVar("_Arguments", bound=BaseModel)

# How what a model is told begins, where a call did not do what it was made for.
DECLINED = "This was declined, so it was not done."
LAPSED = "Nobody approved this in time, so it was not done."
FAILED = "The tool failed"
UNCERTAIN = "It is not known whether this took effect"
MISSHAPEN = "The call was not made, its arguments are wrong"


class NoArguments(BaseModel):
    """The arguments of a tool that takes none."""


class ToolRefusedError(Exception):
    """The tool did nothing, and says why in words for the model; never holds internals."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool: everything it may know besides its arguments.

    The model sees none of this, and nothing that it writes can change it.

    Attributes:
        key: the same for every attempt at this call, and for no other call. An effectful tool
            writes it in the transaction that makes its effect, so that `check` can find it.
        principal: whose run it is: what a tool reaches follows from this alone.
        session_id: the conversation, or the run where it is a one-off question.
        page: what the user's page says of itself. Anybody can write this: it may say what is
            meant, never what is allowed.
    """

    key: str
    run_id: str
    call_id: str
    correlation_id: str
    principal: Principal
    session_id: str
    user_id: str | None = None
    page: Mapping[str, Any] = field(default_factory=dict)


def _everyone(_principal: Principal) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Tool(Generic[_Arguments]):
    """A tool that personas can name.

    Attributes:
        description: what it does, for the model.
        arguments: the shape of what the model must give; anything else is refused.
        run: does it, and returns what the model is told. Raises `ToolRefusedError` when it
            changed nothing; after any other error of an effectful tool its effect is unknown.
        effectful: whether it changes something. Such a call is written down before it is made,
            and never made twice.
        check: finds out after a crash whether a call took effect: returns what `run` would have
            returned, or None when it did not. Without it such a call is reported as uncertain.
        summarise: says in one sentence what the call would do, for whoever approves it. Raises
            `ToolRefusedError` when it would do nothing: then nobody is asked.
        allows: whether a principal has the tool at all; nobody else's model hears of it.
    """

    name: str
    description: str
    arguments: type[_Arguments]
    run: Callable[[Call, _Arguments], Awaitable[str]]
    effectful: bool = False
    check: Callable[[Call, _Arguments], Awaitable[str | None]] | None = None
    summarise: Callable[[Call, _Arguments], Awaitable[str]] | None = None
    allows: Callable[[Principal], bool] = _everyone


Tools = Mapping[str, Tool[Any]]
