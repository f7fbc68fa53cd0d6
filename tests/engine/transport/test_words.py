"""Where nothing but words is asked for and said, the SDK's model has nothing to do."""

from __future__ import annotations

from typing import Any

import pytest
from agents import ModelSettings

from assistant.engine.endings import ChatModel
from assistant.engine.transport import asking
from tests.engine.transport.observing import observing
from tests.engine.transport.transcript import Transcript, read

_STREAM = ["role", {"text": ["Hello", " there."]}, {"finish": "stop"}, {"usage": [9, 2]}, "done"]


def _saying(*stream: Any) -> Transcript:
    return read("words", "chat", {"stream": [*stream], "gives": "Hello there."})


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which each call of the SDK's model is added: how many items it was given."""
    calls = list[int]()
    before = ChatModel.made

    def noted(self: ChatModel, *args: Any, **kwargs: Any) -> Any:
        calls.append(len(args[1]))
        return before(self, *args, **kwargs)

    monkeypatch.setattr(ChatModel, "made", noted)
    return calls


async def test_the_sdk_is_asked_once_what_it_would_send(made: list[int]) -> None:
    words = _saying(*_STREAM)
    async with observing("direct", [words]) as direct:
        first, *others = [await direct.hear_words(words) for _ in range(3)]
    assert made == [0]
    assert others == [first] * 2
    assert first["said"] == [("__fake_id__", "text", "Hello there.")]


async def test_it_remembers_what_was_asked_last(
    made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_KEPT", 1)
    words, some, others = _saying(*_STREAM), ModelSettings(), ModelSettings(temperature=0.5)
    async with observing("direct", [words]) as direct:
        for settings in (some, some, others, some):
            told = await direct.hear_words(words, settings)
            (asked,) = told["asked"]
            assert asked["body"].get("temperature") == settings.temperature
    assert made == [0] * 3


@pytest.mark.parametrize(
    ("name", "stream"),
    {
        "a limit": [*_STREAM[:2], {"finish": "length"}, "done"],
        "a thought": ["role", {"delta": {"reasoning_content": "Hm."}}, *_STREAM[1:]],
        "no end": _STREAM[:2],
        "something after the end": [*_STREAM[:3], {"finish": "length"}, "done"],
    }.items(),
)
async def test_what_is_more_goes_to_the_sdk(made: list[int], name: str, stream: list[Any]) -> None:
    more = _saying(*stream)
    async with observing("direct", [more]) as direct, observing("sdk", [more]) as stock:
        found, wanted = await direct.hear_words(more), await stock.hear(more)
    assert made[0] == 0
    assert 1 in made[1:], name
    assert found == wanted
