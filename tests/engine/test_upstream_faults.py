"""A model that fails: each fault has a code, is told in our words, and ends that run only."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.engine.conftest import MakeTalk
from tests.engine.talks import Talk, Told
from tests.loglines import Written

# Fault, code, whether trying again makes sense.
BEFORE_A_WORD = [
    ("error: 400", "model_rejected", False),
    ("error: 401", "model_auth", False),
    ("error: 403", "model_forbidden", False),
    ("error: 404", "model_not_found", False),
    ("error: 429", "model_rate_limited", True),
    ("error: 429 code=insufficient_quota", "model_quota", False),
    ("error: 500", "model_unavailable", True),
    ("error: 503", "model_unavailable", True),
    ("cut: head", "model_cut", True),
    ("cut: 0", "model_cut", True),
    ("cut: 0 clean", "model_cut", True),
    ("nonsense: html", "model_nonsense", True),
    ("nonsense: badjson", "model_nonsense", True),
    ("nonsense: empty", "model_nonsense", True),
    ("nonsense: wrongshape", "model_nonsense", True),
]
AFTER_SOME = [
    ("cut: 3", "model_cut", "w0 w1 w2"),
    ("cut: 3 clean", "model_cut", "w0 w1 w2"),
    ("errorevent", "model_failed", "w0"),
]
STARTED = ["run.started"]
MESSAGE = ["message.started", "message.delta", "message.completed"]
UPSTREAMS = ("on request", "Too many", "overloaded;", "It works", "no such model", "wrongshape")


def _check(told: Told, code: str, *, retryable: bool) -> None:
    end = told.end
    assert (end["type"], end["status"]) == ("run.failed", "error"), end
    assert (end["code"], end["error"], end["retryable"]) == (code, code, retryable)
    assert end["is_final"]
    assert not any(word in str(end) for word in UPSTREAMS)


async def _check_log(log: Written, told: Told, code: str) -> None:
    # The line follows the last frame, which may be here before it.
    run = ("run.ended", told.end["run_id"])
    async with asyncio.timeout(5):
        while not (ended := [i for i in log.lines if (i["event"], i.get("run_id")) == run]):
            await asyncio.sleep(0.01)
    assert [line["error"] for line in ended] == [code]
    assert not any("exception" in line for line in log.lines)
    assert not any(word in log.text for word in (*UPSTREAMS, "Traceback", "w0 w1"))


async def test_faults_before_the_first_word(
    log: Written, talk: Talk, subtests: pytest.Subtests
) -> None:
    for turn, (fault, code, retryable) in enumerate(BEFORE_A_WORD):
        told = await talk.say(f"[[tokens: 9]] [[{fault}]]")
        with subtests.test(fault):
            assert told.types == [*STARTED, "run.failed"]
            _check(told, code, retryable=retryable)
            await _check_log(log, told, code)
        assert (await talk.say("on")).text == f"turn {min(2 * turn + 2, 4)}: on"
        log.clear()
    assert [line[:2] for line in await talk.history()][-1] == ("assistant", "completed")


async def test_faults_after_some_words(log: Written, talk: Talk, subtests: pytest.Subtests) -> None:
    for fault, code, said in AFTER_SOME:
        told = await talk.say(f"[[tokens: 9]] [[{fault}]]")
        with subtests.test(fault):
            assert told.types == [*STARTED, *MESSAGE, "run.failed"]
            _check(told, code, retryable=True)
            assert told.text == told.of("message.completed")[0]["text"] == said
            await _check_log(log, told, code)
            assert (await talk.history())[-1] == ("assistant", "failed", said)
        log.clear()
    assert (await talk.say("on")).text == "turn 4: on"


@pytest.mark.parametrize("shape", ["nested", "failed"])
@pytest.mark.parametrize("protocol", ["responses"], indirect=True)
async def test_error_events_of_other_shapes(talk: Talk, shape: str) -> None:
    told = await talk.say(f"[[tokens: 9]] [[errorevent: {shape}]]")
    _check(told, "model_failed", retryable=True)
    assert told.text == "w0"


@pytest.mark.parametrize(("after", "said"), [("head", ""), ("0", ""), ("3", "w0 w1 w2")])
async def test_a_model_that_falls_silent(make_talk: MakeTalk, after: str, said: str) -> None:
    talk = await make_talk(TIMEOUT_SECONDS=1, MODEL_RETRIES=2)
    begun = time.monotonic()
    told = await talk.say(f"[[tokens: 9]] [[stall: {after}]]")
    # One silence, not one for each retry.
    assert time.monotonic() - begun < 2.9
    _check(told, "model_timeout", retryable=True)
    assert told.text == said
    await talk.settled(disconnects=1, active=0)


async def test_a_fault_after_a_tool_keeps_what_was_done(talk: Talk) -> None:
    told = await talk.say('[[tool: echo {"text": "x"}]] [[then]] [[say: no]] [[error: 503]]')
    assert told.types == ["run.started", "tool.called", "tool.returned", "run.failed"]
    assert (await talk.say("on")).text.endswith(": on")


async def test_a_fault_that_passes_is_tried_again_until_it_has_passed(make_talk: MakeTalk) -> None:
    talk = await make_talk(MODEL_RETRIES=2)
    told = await talk.say("[[say: At last.]] [[error: 503 times=2]]")
    assert told.types == [*STARTED, *MESSAGE, "run.completed"]
    assert told.text == "At last."
    assert (await talk.settled())["requests"] == 3
    assert told.end["usage"]["output_tokens"] == 2


async def test_any_fault_before_the_first_word_may_pass(
    make_talk: MakeTalk, subtests: pytest.Subtests
) -> None:
    talk = await make_talk(MODEL_RETRIES=1)
    faults = ["cut: head", "cut: 0", "cut: 0 clean", "nonsense: html", "error: 500"]
    answers = await asyncio.gather(
        *(talk.alone(f"[[say: At last.]] [[{fault} times=1]]") for fault in faults)
    )
    for fault, told in zip(faults, answers, strict=True):
        with subtests.test(fault):
            assert told.types == [*STARTED, *MESSAGE, "run.completed"]
            assert told.text == "At last."


async def test_how_often_a_fault_is_tried(make_talk: MakeTalk, subtests: pytest.Subtests) -> None:
    talk = await make_talk(MODEL_RETRIES=1)
    expected = {"error: 503": 2, "error: 400": 1, "error: 401": 1, "cut: 2": 1, "cut: 2 clean": 1}
    expected |= {"errorevent": 1, "error: 429 code=insufficient_quota": 1}
    texts = {fault: f"[[tokens: 5]] [[{fault}]]" for fault in expected}
    answers = await asyncio.gather(*map(talk.alone, texts.values()))
    assert {told.end["type"] for told in answers} == {"run.failed"}
    sent = [str(request["body"]) for request in await talk.requests()]
    for fault, times in expected.items():
        with subtests.test(fault):
            assert sum(texts[fault] in body for body in sent) == times


async def test_the_upstreams_wish_to_wait_is_respected(make_talk: MakeTalk) -> None:
    talk = await make_talk(MODEL_RETRIES=1)
    begun = time.monotonic()
    told = await talk.say("[[say: Now.]] [[error: 429 times=1 after=1]]")
    assert told.text == "Now."
    assert time.monotonic() - begun >= 1


async def test_a_wait_longer_than_patience_is_not_begun(make_talk: MakeTalk) -> None:
    talk = await make_talk(MODEL_RETRIES=2, TIMEOUT_SECONDS=2)
    begun = time.monotonic()
    told = await talk.say("[[say: Now.]] [[error: 429 after=60]]")
    assert told.end["code"] == "model_rate_limited"
    assert time.monotonic() - begun < 1


async def test_nobody_listens_at_the_address(make_talk: MakeTalk) -> None:
    talk = await make_talk(OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    _check(await talk.say("hi"), "model_unreachable", retryable=True)
