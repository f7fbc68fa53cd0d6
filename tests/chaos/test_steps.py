"""A crash at each named step of a run with tools: what ran again, and what never does."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from tests.chaos.clients import Talker, Told
from tests.chaos.cluster import Cluster, cluster
from tests.chaos.doomed import DEAD
from tests.resilience.readers import remote

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]

WHAT = json.dumps({"what": "Monday"})
LOOK = f"[[say: One moment.]] [[tool: look_up {WHAT}]]"
BOOK = f"[[say: It is free.]] [[tool: book {WHAT}]]"
TELL = f"[[tool: notify {WHAT}]]"
LAST = "[[tokens: 6]] [[pace: 20]]"


class Again(NamedTuple):
    """How often something ran in all: model calls, calls of each tool; and in how many attempts."""

    models: int = 3
    look_up: int = 1
    book: int = 1
    notify: int = 0
    attempts: int = 2


# Which model calls and tools ran again, for a crash at each step of: look up, book, say so.
ONCE = Again()
STEPS = {
    "none": Again(attempts=1),
    # Whoever dies then does not execute it: the server; or it is over.
    "after-accept": Again(attempts=1),
    "after-claim": ONCE,
    # The first answer was being written: there is no checkpoint yet.
    "between-append-and-ack 1": Again(models=4),
    "during-tool look_up": Again(models=4, look_up=2),
    "at-checkpoint 1": Again(models=4, look_up=2),
    # From here on the first model call and the first tool are behind a checkpoint.
    "after-checkpoint 1": ONCE,
    # The second checkpoint is made before the effect: a crash just before it repeats a model call.
    "at-checkpoint 2": Again(models=4),
    "after-checkpoint 2": ONCE,
    # The tool's own check finds no effect, so it runs again; the effect is made once.
    "during-tool book": Again(book=2),
    # The check finds the effect.
    "after-effect book": ONCE,
    "at-checkpoint 3": ONCE,
    "after-checkpoint 3": ONCE,
    "at-terminal": Again(models=4),
    "after-terminal": Again(attempts=1),
}
# While that acknowledgement is on its way the tool may have begun, or not; nothing is behind a
# checkpoint in either case.
ALSO = {"between-append-and-ack 1": Again(models=4, look_up=2)}
# How often a step may be tried.
_GOES = 3


async def _requests(upstream: str, tag: str) -> int:
    async with aiohttp.ClientSession() as http, http.get(f"{upstream}/../_requests") as reply:
        made = await reply.json()
    return sum(tag in json.dumps(request["body"]) for request in made)


async def _dead(made: Cluster, count: int) -> bool:
    """Wait until so many processes have died at their step, and are back."""
    with suppress(TimeoutError):
        async with asyncio.timeout(30):
            while sum("named step" in blow.what for blow in made.blows) != count:
                await asyncio.sleep(0.05)
            # One of a kind at a time: the next step waits until this one's victim is back.
            while await made.raw.exists(f"{DEAD}:server", f"{DEAD}:worker"):
                await asyncio.sleep(0.05)
            return True
    return False


def _settings(upstream: str) -> dict[str, object]:
    ours = {"RUN_MODE": "workers", "LEASE_SECONDS": 1, "LEASE_RENEW_SECONDS": 0.2}
    left_out = {"AGENTS_DIR", "DEFAULT_PERSONA"}
    return {k: v for k, v in remote(upstream).items() if k not in left_out} | ours


async def _tell(made: Cluster, text: str, tag: str) -> Told:
    told = Told("sse", session_id=f"ses_{tag}", text=f"{text} {tag}", key=tag)
    async with asyncio.timeout(40):
        return await Talker(made.door, silence=5).tell(told)


def _events(told: Told) -> list[dict[str, Any]]:
    return [sight.data for sight in told.seen]


def _answer(told: Told) -> str:
    """Return what a client shows in the end: what was discarded is gone."""
    messages: dict[str, str] = {}
    for event in _events(told):
        if event["type"] == "message.started":
            messages[event["item_id"]] = ""
        elif event["type"] == "message.delta":
            messages[event["item_id"]] += event["content"]
        elif event["type"] == "message.discarded":
            del messages[event["item_id"]]
    return "\n\n".join(messages.values())


async def _run_through(made: Cluster, upstream: str, step: str, tag: str) -> Again:
    """Have a run made with a crash at a step, see that its reader has all of it; tell what ran."""
    crash = f" [[crash: {step}]]" if step != "none" else ""
    told = await _tell(made, f"{LOOK} [[then]] {BOOK} [[then]] {LAST}{crash}", tag)
    assert told.faults == [], step
    assert told.seen[-1].data["type"] == "run.completed", step
    assert _answer(told) == told.seen[-1].data["text"], step
    assert _answer(told) == "One moment.\n\nIt is free.\n\nw0 w1 w2 w3 w4 w5", step
    effects = [row for row in made.database.effects() if row.run_id == told.run_id]
    assert [row.tool for row in effects] == ["book"], step
    ran = made.database.calls_of(told.run_id)
    begun = sum(event["type"] == "run.started" for event in _events(told))
    models = await _requests(upstream, tag)
    return Again(models, ran["look_up"], ran["book"], ran["notify"], begun)


async def test_what_runs_again_after_a_crash_at_each_step(tmp_path: Path, upstream: str) -> None:
    settings = _settings(upstream)
    found = {}
    async with cluster(tmp_path, 1, 2, 1, settings) as made:
        crashes = 0
        for number, step in enumerate(STEPS):
            for go in range(_GOES):
                found[step] = ran = await _run_through(made, upstream, step, f"s{number}{go}end")
                crashes += step != "none"
                assert await _dead(made, crashes), (step, [blow.what for blow in made.blows])
                if ran.attempts <= STEPS[step].attempts:
                    break
                # A process that had no core for a second, which is its lease here, was taken for
                # dead besides: what ran again for that says nothing of the step.
                sys.stdout.write(f"{step}: {ran}, of which one attempt is the machine's\n")
    sys.stdout.writelines(f"{step:28}{again}\n" for step, again in found.items())
    assert {s: STEPS[s] if ran == ALSO.get(s) else ran for s, ran in found.items()} == STEPS


@pytest.mark.parametrize(("step", "effects"), [("during-tool", 0), ("after-effect", 1)])
async def test_an_effect_in_doubt_is_told_and_never_repeated(
    tmp_path: Path, upstream: str, step: str, effects: int
) -> None:
    settings = _settings(upstream)
    async with cluster(tmp_path, 1, 2, 1, settings) as made:
        text = f"{TELL} [[then]] {LAST} [[crash: {step} notify]]"
        told = await _tell(made, text, "doubt")
        assert told.seen[-1].data["type"] == "run.completed"
        assert [row.tool for row in made.database.effects()] == ["notify"] * effects
        assert made.database.calls_of(told.run_id) == {"notify": 1}
        returned = [e for e in _events(told) if e["type"] == "tool.returned"]
        assert [e["outcome"] for e in returned] == ["uncertain"]
        assert "not known" in returned[0]["result"]
