"""Answers that are shared: the same question asked again, or by many at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.web.conftest import MakeSite
from tests.web.site import HELD, Site


async def _ask(site: Site, question: str, **fields: Any) -> tuple[str, bytes]:
    """Ask a question; return the run that answered, and the bytes it was answered with."""
    async with site.http.post("/chat", json={"question": question, **fields}) as response:
        assert response.status == 200, await response.text()
        return response.headers["X-Run-ID"], await response.read()


async def test_a_question_asked_again_has_the_same_answer(site: Site) -> None:
    first = await _ask(site, "[[say: It is a snake]] What is Python?")
    for again in (
        "[[say: It is a snake]] What is Python?",
        "  [[SAY: it is A snake]]\n\twhat   is PYTHON?  ",
    ):
        assert await _ask(site, again) == first
    assert len(site.journal.requests) == 1
    assert (await site.get("/stats"))["cache"] == {"hits": 2, "misses": 1}


async def test_both_deliveries_share_an_answer(site: Site) -> None:
    run_id, _ = await _ask(site, "[[say: Shared]]")
    whole = await site.post("/chat", {"question": "[[say: Shared]]"})
    assert (whole["run_id"], whole["response"]) == (run_id, "Shared")


async def test_use_cache_false_makes_a_new_answer(site: Site) -> None:
    first, _ = await _ask(site, "hello")
    second, _ = await _ask(site, "hello", use_cache=False)
    third, _ = await _ask(site, "hello")
    assert second != first
    assert third == first


@pytest.mark.parametrize(
    "changed",
    [
        {"question": "hello?"},
        {"persona_type": "chooser"},
        {"persona_type": "chooser", "model": "gpt-test-mini"},
        {"persona_type": "chooser", "max_tokens": 5},
        {"context": {"page": "billing"}},
    ],
)
async def test_whatever_could_change_the_answer_makes_another_question(
    site: Site, changed: dict[str, Any]
) -> None:
    first, _ = await _ask(site, "hello")
    second, _ = await _ask(site, **({"question": "hello"} | changed))
    assert second != first


async def test_identical_questions_in_flight_share_one_run(site: Site) -> None:
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(_ask(site, HELD)) for _ in range(20)]
        await site.journal.until(lambda model: model.held == 1)
        await site.connected("sse", 20)
        site.journal.release()
    assert len({task.result() for task in asking}) == 1
    assert asking[0].result()[1].endswith(b'{"status":"completed","chunk":"one two three"}\n\n')
    assert len(site.journal.requests) == 1
    assert (await site.get("/stats"))["runs"]["accepted"] == 1


async def test_a_persona_that_does_not_allow_it_never_shares(site: Site) -> None:
    first, _ = await _ask(site, "hello", persona_type="helper")
    second, _ = await _ask(site, "hello", persona_type="helper", use_cache=True)
    assert first != second
    assert len(site.journal.requests) == 2


async def test_the_therapist_never_shares(make_site: MakeSite) -> None:
    site = await make_site(AGENTS_DIR="", DEFAULT_PERSONA="", MODEL_PROVIDER="demo")
    said = "I have been feeling low lately"
    runs = [await _ask(site, said, persona_type="jaime_therapist") for _ in range(2)]
    assert runs[0][0] != runs[1][0]


async def test_a_failure_is_not_kept(site: Site) -> None:
    question = "[[error: 400 times=1]] [[say: Better]]"
    first, failed = await _ask(site, question)
    assert b'"status":"error"' in failed
    second, answered = await _ask(site, question)
    assert second != first
    assert answered.endswith(b'{"status":"completed","chunk":"Better"}\n\n')


async def test_a_stopped_answer_is_not_kept(site: Site) -> None:
    accepted = await site.post("/chat", {"question": HELD, "background": True}, 202)
    await site.journal.until(lambda model: model.held == 1)
    stopped = await site.post(f"/runs/{accepted['run_id']}/cancel", {})
    assert stopped["status"] == "cancelled"
    again = await site.post("/chat", {"question": HELD, "background": True}, 202)
    assert again["run_id"] != accepted["run_id"]


async def test_an_answer_is_kept_for_its_time_only(make_site: MakeSite) -> None:
    site = await make_site(CACHE_TTL_SECONDS=0.3)
    first, _ = await _ask(site, "hello")
    async with asyncio.timeout(5):
        while (await _ask(site, "hello"))[0] == first:
            await asyncio.sleep(0.02)


async def test_a_message_in_a_session_is_never_shared(site: Site) -> None:
    answers = [await site.ask("hello", session_id=name) for name in ("one", "two", "one")]
    assert len({answer["run_id"] for answer in answers}) == 3
    assert answers[2]["response"] == "turn 2: hello"
