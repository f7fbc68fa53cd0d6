"""The demo model: speaks a persona's script, word by word, with no network and no key."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agents.items import ModelResponse
from agents.models.interface import Model
from agents.usage import Usage
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseCreatedEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
    ResponseUsage,
)
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails
from typing_extensions import override

from assistant.persona import DemoRule, DemoScript

_NO_SCRIPT = (
    "I am the demo model, and this persona has no demo script yet. Add a demo.yaml to its folder, "
    "or set OPENAI_API_KEY or OPENAI_BASE_URL to talk to a language model."
)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds before the first word, and between two."""

    first: float = 0.3
    each: float = 0.03


class DemoModel(Model):
    """Answers by the first rule of a script that fits; the same words each time."""

    def __init__(self, script: DemoScript | None, page: str, pace: Pace) -> None:
        self._script = script or DemoScript(otherwise=(_NO_SCRIPT,))
        self._page = page
        self._pace = pace

    @override
    async def get_response(self, *args: Any, **kwargs: Any) -> ModelResponse:
        """Return the whole answer at once."""
        text = self._answer(_said_by_user(kwargs.get("input", args[1] if len(args) > 1 else "")))
        return ModelResponse(output=[_message(text)], usage=Usage(), response_id=None)

    @override
    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """Yield the answer word by word, at the given pace."""
        asked = _said_by_user(kwargs.get("input", args[1] if len(args) > 1 else ""))
        text = self._answer(asked)
        words = re.findall(r"\S+\s*", text)
        yield ResponseCreatedEvent(
            type="response.created", response=_response([], None), sequence_number=0
        )
        for number, word in enumerate(words):
            await asyncio.sleep(self._pace.each if number else self._pace.first)
            yield _delta(word, number + 1)
        yield ResponseCompletedEvent(
            type="response.completed",
            response=_response([_message(text)], _usage(asked, words)),
            sequence_number=len(words) + 1,
        )

    def _answer(self, asked: Sequence[str]) -> str:
        rules = [self._rule(text, turn) for turn, text in enumerate(asked, start=1)]
        rule = rules[-1] if rules else None
        lines = rule.say if rule else self._script.otherwise
        spoken = sum(1 for earlier in rules[:-1] if earlier is rule)
        # A rule's last line stays; small talk that fits nothing goes round.
        line = lines[min(spoken, len(lines) - 1)] if rule else lines[spoken % len(lines)]
        first_words = asked[-1][:60] if asked else ""
        return line.replace("{page}", self._page).replace("{message}", first_words)

    def _rule(self, text: str, turn: int) -> DemoRule | None:
        return next((rule for rule in self._script.rules if self._fits(rule, text, turn)), None)

    def _fits(self, rule: DemoRule, text: str, turn: int) -> bool:
        return (
            (rule.turn is None or rule.turn == turn)
            and (rule.when is None or re.search(rule.when, text, re.IGNORECASE) is not None)
            and (rule.page is None or re.search(rule.page, self._page, re.IGNORECASE) is not None)
        )


def _said_by_user(given: object) -> list[str]:
    if isinstance(given, str):
        return [given]
    return list(_texts(given)) if isinstance(given, list) else []


def _texts(items: Sequence[Any]) -> Iterator[str]:
    for item in items:
        if isinstance(item, dict) and item.get("role") == "user":
            content = item.get("content")
            if isinstance(content, str):
                yield content
            elif isinstance(content, list):
                yield " ".join(str(part.get("text", "")) for part in content)


def _message(text: str) -> ResponseOutputMessage:
    content = ResponseOutputText(type="output_text", text=text, annotations=[])
    return ResponseOutputMessage(
        id="demo", type="message", role="assistant", status="completed", content=[content]
    )


def _delta(text: str, number: int) -> ResponseTextDeltaEvent:
    return ResponseTextDeltaEvent(
        type="response.output_text.delta",
        content_index=0,
        delta=text,
        item_id="demo",
        logprobs=[],
        output_index=0,
        sequence_number=number,
    )


def _response(output: list[Any], usage: ResponseUsage | None) -> Response:
    return Response(
        id="demo",
        created_at=0,
        model="demo",
        object="response",
        output=output,
        tool_choice="none",
        tools=[],
        parallel_tool_calls=False,
        usage=usage,
    )


def _usage(asked: Sequence[str], words: Sequence[str]) -> ResponseUsage:
    given, made = sum(len(text.split()) for text in asked), len(words)
    return ResponseUsage(
        input_tokens=given,
        output_tokens=made,
        total_tokens=given + made,
        input_tokens_details=InputTokensDetails(cached_tokens=0, cache_write_tokens=0),
        output_tokens_details=OutputTokensDetails(reasoning_tokens=0),
    )
