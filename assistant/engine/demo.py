"""The demo model: holds a persona's dialogue or speaks its script, with no network and no key."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from agents.items import ModelResponse
from agents.models.interface import Model
from agents.usage import Usage
from typing_extensions import override

from assistant.dialogue import Conversation, Dialogue, Heard, Say, Use
from assistant.engine import calls
from assistant.engine import demo_stream as stream
from assistant.engine.calls import Asked, Service
from assistant.engine.demo_hearing import calls_in, entries_of, names_of
from assistant.engine.jobs import Job
from assistant.models import now
from assistant.persona import DemoRule, DemoScript, compiled

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
    """Answers one job: by the dialogue, where that knows what to do, else by the script.

    It remembers nothing: what comes next follows from the conversation alone, so that another
    process can go on with it, and does the same.
    """

    def __init__(
        self, job: Job, script: DemoScript | None, pace: Pace, dialogue: Dialogue | None = None
    ) -> None:
        self._job = job
        self._script = script or DemoScript(otherwise=(_NO_SCRIPT,))
        self._dialogue = dialogue
        self._pace = pace

    @override
    async def get_response(self, *args: Any, **kwargs: Any) -> ModelResponse:
        """Return the whole answer at once."""
        given, tools = _given(*args, **kwargs)
        item = self._item(given, self._next(given, tools))
        return ModelResponse(output=[item], usage=Usage(), response_id=None)

    @override
    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """Yield the answer word by word, at the given pace, or a call of a tool."""
        asked = Asked.of(Service("demo"), "demo", *args, **kwargs)
        async with aclosing(calls.watched(self._answer(*args, **kwargs), asked)) as events:
            async for event in events:
                yield event

    async def _answer(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        given, tools = _given(*args, **kwargs)
        following = self._next(given, tools)
        words = re.findall(r"\S+\s*", following.text) if isinstance(following, Say) else []
        yield stream.created()
        # A call comes as late as the first word would.
        for number, word in enumerate(words or [""]):
            await asyncio.sleep(self._pace.each if number else self._pace.first)
            if word:
                yield stream.delta(word, number + 1)
        usage = stream.usage(entries_of(given), words)
        for event in stream.ended(self._item(given, following), usage, len(words) + 1):
            yield event

    def _item(self, given: object, following: Say | Use) -> Any:
        if isinstance(following, Say):
            return stream.message(following.text)
        # The same place in the same conversation has the same id, whoever gets there.
        return stream.call(following, f"{self._job.run_id}.{calls_in(given) + 1}")

    def _next(self, given: object, tools: Sequence[Any]) -> Say | Use:
        entries = entries_of(given)
        if self._dialogue is not None:
            page = self._job.turn.context
            conversation = Conversation(entries, names_of(tools), now(), page)
            following = self._dialogue(conversation)
            if following is not None:
                return following
        return Say(self._line([entry.text for entry in entries if isinstance(entry, Heard)]))

    def _line(self, asked: Sequence[str]) -> str:
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
            and (rule.when is None or compiled(rule.when).search(text) is not None)
            and (rule.page is None or compiled(rule.page).search(self._page) is not None)
        )

    @property
    def _page(self) -> str:
        return str(self._job.turn.context.get("page", ""))


def _given(*args: Any, **kwargs: Any) -> tuple[Any, Sequence[Any]]:
    """Return the conversation and the tools, among what the SDK gives any model."""
    names = ("system_instructions", "input", "model_settings", "tools")
    given = dict(zip(names, args, strict=False)) | kwargs
    return given.get("input", ""), given.get("tools") or ()
