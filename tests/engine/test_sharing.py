"""Runs that are alike share what is costly to make, and an agent only where they must."""

from __future__ import annotations

from assistant.engine.agents import Agents
from assistant.engine.jobs import Job, Limits
from assistant.engine.tools import BUILT_IN
from assistant.models import Principal, Turn
from tests.engine.stage import PERSONAS
from tests.engine.talks import TOOLS


def _job(slug: str) -> Job:
    return Job(
        run_id="run_1",
        correlation_id="cor_1",
        principal=Principal("owner"),
        persona=PERSONAS[slug],
        turn=Turn("hi"),
        model="scripted",
        others=PERSONAS,
    )


def test_an_agent_that_hands_over_to_nobody_is_each_run_s_own() -> None:
    agents = Agents({**BUILT_IN, **TOOLS}, Limits())
    one, other = agents.of(_job("tester")), agents.of(_job("tester"))
    assert one is not other
    assert one.tools
    assert one.tools is other.tools
    assert one.model_settings is other.model_settings


def test_one_that_is_handed_back_to_is_the_same_for_all() -> None:
    agents = Agents({**BUILT_IN, **TOOLS}, Limits())
    guide = agents.of(_job("guide"))
    assert guide.handoffs
    assert guide is agents.of(_job("guide"))
