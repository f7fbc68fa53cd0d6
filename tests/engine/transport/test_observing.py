"""The comparison of transports sees every difference that there can be, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.transport.observing import observing
from tests.engine.transport.plain import Told
from tests.engine.transport.transcript import Transcript, read

_CALL = {"id": "call_a", "name": "echo", "arguments": ['{"te', 'xt": "x"}']}
_LAST: list[Any] = ["role", {"text": ["It is", " done."]}, {"finish": "stop"}, {"usage": [9, 3]}]
_USUAL: dict[str, Any] = {
    "gives": "It is done.",
    "answers": [
        {"stream": ["role", {"call": _CALL}, {"finish": "tool_calls"}, "done"]},
        {"stream": [*_LAST, "done"]},
    ],
}
_REFUSED = {"status": 429, "headers": {"retry-after-ms": "1"}, "body": '{"error": {}}'}


def _calling(call: dict[str, Any]) -> list[Any]:
    first = {"stream": ["role", {"call": _CALL | call}, {"finish": "tool_calls"}, "done"]}
    return [first, _USUAL["answers"][1]]


def _ending(*stream: Any, **answer: Any) -> list[Any]:
    return [_USUAL["answers"][0], {"stream": list(stream), **answer}]


# What is different about the answers, and what tells it.
_DIFFERENT: dict[str, tuple[list[Any], set[str]]] = {
    "a word": (_ending("role", {"text": ["It was", " done."]}, *_LAST[2:]), {"run"}),
    "a word more": (_ending(*_LAST[:2], {"text": " Bye."}, *_LAST[2:]), {"run"}),
    "a refusal in place of words": (
        _ending("role", {"delta": {"refusal": "It is done."}}, *_LAST[2:]),
        {"run"},
    ),
    "thoughts": (_ending("role", {"delta": {"reasoning_content": "Hm."}}, *_LAST[1:]), {"run"}),
    "tokens": (_ending(*_LAST[:3], {"usage": [9, 4]}), {"run"}),
    "no tokens": (_ending(*_LAST[:3]), {"run"}),
    "an argument": (
        _calling({"arguments": '{"text": "y"}'}),
        {"answer", "spoken", "worded", "run"},
    ),
    "an argument's spelling": (
        _calling({"arguments": '{"text":"x"}'}),
        {"answer", "spoken", "worded", "run"},
    ),
    "a tool": (_calling({"name": "breaks"}), {"answer", "spoken", "worded", "run"}),
    "a call's id": (_calling({"id": "call_b"}), {"answer", "spoken", "worded", "run"}),
    "no call": ([_USUAL["answers"][1]], {"answer", "spoken", "worded", "run"}),
    "a cut": (_ending(*_LAST[:2], ends="cut"), {"run"}),
    "an error": (_ending(*_LAST[:2], {"json": {"error": {"message": "No."}}}), {"run"}),
    "a filter": (_ending(*_LAST[:2], {"finish": "content_filter"}), {"run"}),
    "a try more": ([*_USUAL["answers"][:1], _REFUSED, _USUAL["answers"][1]], {"run"}),
    "a try more at first": ([_REFUSED, *_USUAL["answers"]], {"answer", "spoken", "worded", "run"}),
}


async def _seen(*transcripts: Transcript) -> list[Told]:
    async with observing("sdk", transcripts) as stock:
        return [await stock.see(each) for each in transcripts]


@pytest.mark.parametrize("difference", _DIFFERENT)
async def test_what_is_different_is_seen(difference: str) -> None:
    answers, places = _DIFFERENT[difference]
    usual = read("usual", "chat", _USUAL)
    other = read("usual", "chat", _USUAL | {"answers": answers})
    one, two = [(await _seen(each))[0] for each in (usual, other)]
    assert {place for place in one if one[place] != two[place]} == places


async def test_the_same_is_seen_twice() -> None:
    usual = read("usual", "chat", _USUAL)
    (one,), (two,) = await _seen(usual), await _seen(usual)
    assert one == two
    assert one["run"]["text"] == "It is done."
    assert [event["type"] for event in one["run"]["events"]][:2] == ["tool.called", "tool.returned"]
    assert [request["path"] for request in one["run"]["asked"]] == ["/v1/chat/completions"] * 2
