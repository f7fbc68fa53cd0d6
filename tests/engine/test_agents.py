"""Agents are made once for all runs that are alike, and hold nothing of any of them."""

from __future__ import annotations

from typing import Any

from agents import RunContextWrapper
from agents import _run_state_agent_identity as sdk

from assistant.engine.agents import Agents
from assistant.engine.jobs import Job, Limits, RunContext
from assistant.engine.tools import BUILT_IN
from assistant.models import Principal, Turn
from tests.engine.stage import PERSONAS
from tests.engine.talks import TOOLS

GUIDE = PERSONAS["guide"]


def a_job(**changes: Any) -> Job:
    usual: dict[str, Any] = {
        "run_id": "run_1",
        "correlation_id": "cor_1",
        "principal": Principal("owner"),
        "persona": GUIDE,
        "turn": Turn("hello"),
        "model": "scripted",
        "others": {name: PERSONAS[name] for name in (GUIDE.slug, *GUIDE.file.handoffs)},
    }
    return Job(**usual | changes)


def the_agents() -> Agents:
    return Agents({**BUILT_IN, **TOOLS}, Limits())


def test_runs_that_are_alike_share_an_agent_and_others_do_not() -> None:
    agents = the_agents()
    first = agents.of(a_job())
    assert agents.of(a_job(run_id="run_2", principal=Principal("another"))) is first
    assert agents.of(a_job(turn=Turn("hello", max_tokens=7))) is not first
    edited = GUIDE.__class__(**{**_fields(GUIDE), "instructions": "Other words."})
    assert agents.of(a_job(persona=edited, others={**PERSONAS, edited.slug: edited})) is not first
    assert agents.of(a_job()) is first


async def test_what_a_page_says_of_itself_is_told_to_its_own_run_only() -> None:
    agent = the_agents().of(a_job())
    pages = [{"page": "booking"}, {}]
    told = []
    for page in pages:
        job = a_job(turn=Turn("hello", context=page))
        wrapper = RunContextWrapper(RunContext(job, toolbox=None))  # type: ignore[arg-type]
        told.append(await agent.get_system_prompt(wrapper))
    assert told[1] == GUIDE.instructions
    assert told[0] is not None
    assert told[0].startswith(GUIDE.instructions)
    assert '"booking"' in told[0]


def test_the_sdk_works_out_once_who_an_agent_is() -> None:
    agent = the_agents().of(a_job())
    known = sdk._agent_identity_signature(agent)
    assert known == sdk._agent_identity_signature.assistant_identity(agent)  # type: ignore[attr-defined]
    assert sdk._agent_identity_signature(agent) is known


def _fields(persona: Any) -> dict[str, Any]:
    return {name: getattr(persona, name) for name in persona.__dataclass_fields__}
