"""Has the SDK work out once, not twice a run, by what it tells an agent from others of its name."""

from __future__ import annotations

from typing import Any

from agents import Agent
from agents import _run_state_agent_identity as sdk

_KNOWN = "assistant_identity"
_WORKED_OUT = "_agent_identity_signature"


def remember_identities() -> None:
    """Let the SDK use what `keep_identity` has kept.

    It writes all that an agent holds, its tools' schemas included, to JSON: most of what a run
    costs where there are many tools. The function is not public, so where a version of the SDK
    has none by this name, everything stays as it is.
    """
    work_out = getattr(sdk, _WORKED_OUT, None)
    if work_out is None or hasattr(work_out, _KNOWN):
        return

    def remembered(agent: Agent[Any]) -> str:
        known: str | None = agent.__dict__.get(_KNOWN)
        return work_out(agent) if known is None else known

    setattr(remembered, _KNOWN, work_out)
    setattr(sdk, _WORKED_OUT, remembered)


def keep_identity(agent: Agent[Any]) -> None:
    """Keep the identity of an agent that never changes from now on."""
    work_out = getattr(sdk, _WORKED_OUT, None)
    if work_out is not None:
        agent.__dict__[_KNOWN] = work_out(agent)
