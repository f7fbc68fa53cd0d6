"""What comes of a transcript by one transport: the answer, the run, the log, what was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast

import msgspec
from agents import AgentOutputSchema, ModelSettings, ModelTracing
from agents.models.interface import Model
from pydantic import BaseModel

from assistant.engine import Engine, Job, Limits, ProviderOptions, open_engine
from assistant.engine.transport import DirectChatModel
from assistant.models import Principal, Turn
from tests.engine.stage import PERSONAS, Stage
from tests.engine.talks import TOOLS
from tests.engine.transport.plain import Told, dumped, error_of, narrated, response_of
from tests.engine.transport.player import Player, playing
from tests.engine.transport.transcript import Protocol, Transcript

Transport = Literal["sdk", "direct"]
_HEADERS = ("accept", "authorization", "content-type", "cookie", "user-agent", "x-correlation-id")
_SETTINGS = ModelSettings(include_usage=True)
_GIVEN: tuple[Any, ...] = ({"role": "user", "content": "hi"},)
_SPOKEN = {"response.output_text.delta": "text", "response.refusal.delta": "refusal"}
# The engine's own patience is no part of the comparison.
_PATIENCE = 50


class Weather(BaseModel):
    """What a model is asked for in a transcript with `schema`."""

    town: str
    degrees: int


@dataclass
class Ear:
    """A voice that keeps what is said, in the order of what else is heard.

    Attributes:
        said: the model's name of an item, the kind of text, the text; runs of one item as one.
        short: what of it came the short way.
    """

    said: list[tuple[str, str, str]] = field(default_factory=list)
    short: list[str] = field(default_factory=list)
    is_full: bool = False
    _last: object = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def say(self, text: str, item: str) -> None:
        self.short.append(text)
        self._keep(text, item, "text")

    async def heard(self, event: object) -> None:
        while self._last is not event:
            self._news.clear()
            await self._news.wait()

    def alive(self) -> None:
        """Nobody here measures silence."""

    async def room(self) -> None:
        await asyncio.sleep(0)

    def hear(self, event: Any) -> None:
        """Take an event that came the long way."""
        if event.type in _SPOKEN:
            # As the narrator takes them.
            self._keep(str(event.delta or ""), str(event.item_id or ""), _SPOKEN[event.type])
        self._last = event
        self._news.set()

    def _keep(self, text: str, item: str, kind: str) -> None:
        if self.said and self.said[-1][:2] == (item, kind):
            text = self.said.pop()[2] + text
        self.said.append((item, kind, text))


@dataclass
class Observer:
    """Has transcripts played to one transport, and tells all that comes of them.

    Attributes:
        engines: by the silence that their client bears, in seconds.
    """

    transport: Transport
    player: Player
    engines: dict[tuple[Protocol, float], Engine]

    async def see(self, transcript: Transcript) -> Told:
        """Play a transcript to the model alone, with a voice, for words, and to the engine."""
        alone = spoken = worded = await self.hear(transcript)
        # The stock models know no voice, so that what they do with one need not be asked.
        if self.transport == "direct":
            spoken, worded = await self.hear(transcript, Ear()), await self.hear_words(transcript)
        run = await self._run(transcript, self._ready(transcript))
        return {"answer": alone, "spoken": spoken, "worded": worded, "run": run}

    async def hear(self, transcript: Transcript, voice: Ear | None = None) -> Told:
        """Play a transcript's first answer to the model alone."""
        events = _stream(transcript, self._ready(transcript), voice)
        return await self._answer(transcript, events, voice)

    async def hear_words(
        self, transcript: Transcript, settings: ModelSettings | None = None
    ) -> Told:
        """Play it to a model that is asked for words alone, where it can be."""
        engine, ear = self._ready(transcript), Ear()
        model = _model(transcript, engine, ear)
        if not isinstance(model, DirectChatModel) or transcript.schema:
            return await self.hear(transcript, ear)
        events = model.in_words("Be brief.", [*_GIVEN], settings or _SETTINGS)
        return await self._answer(transcript, events, ear)

    def _ready(self, transcript: Transcript) -> Engine:
        self.player.answers[transcript.name] = transcript.answers
        return self.engines[transcript.protocol, transcript.silence]

    async def _answer(
        self, transcript: Transcript, events: AsyncGenerator[Any], voice: Ear | None = None
    ) -> Told:
        ear, told = voice or Ear(), Told()
        try:
            async with aclosing(events):
                async for event in events:
                    ear.hear(event)
                    if event.type == "response.completed":
                        told["response"] = response_of(event.response)
        except Exception as error:  # noqa: BLE001 - what it raises is compared
            told["error"] = error_of(error)
        return {**told, "said": ear.said, "asked": self._asked(transcript)}

    async def _run(self, transcript: Transcript, engine: Engine) -> Told:
        stage, told = Stage(), Told()
        execution = engine.prepare(_job(transcript), stage)
        try:
            await execution.run()
        except Exception as error:  # noqa: BLE001 - as above
            cause = error.__cause__ and error_of(error.__cause__)
            told["error"] = {**error_of(error), "cause": cause}
        finally:
            await execution.settle()
            execution.close()
        result = execution._result
        assert result is not None
        return {
            **told,
            "events": narrated(stage.events),
            "text": execution.text,
            "items": execution.items,
            "usage": msgspec.to_builtins(execution.usage),
            "final": result.final_output,
            "new": [(type(item).__name__, dumped(item.raw_item)) for item in result.new_items],
            "responses": [
                (it.response_id, it.request_id, asdict(it.usage), [dumped(i) for i in it.output])
                for it in result.raw_responses
            ],
            "checkpoints": [len(kept.added) for kept in stage.checkpoints],
            "asked": self._asked(transcript),
        }

    def _asked(self, transcript: Transcript) -> list[Told]:
        asked = self.player.rewind(transcript.name)
        return [
            {**asdict(request), "headers": {name: request.headers.get(name) for name in _HEADERS}}
            for request in asked
        ]


@asynccontextmanager
async def observing(
    transport: Transport, transcripts: Sequence[Transcript]
) -> AsyncIterator[Observer]:
    """Open what it takes to play these transcripts to a transport."""
    async with playing() as player, AsyncExitStack() as stack:
        engines = dict[tuple[Protocol, float], Engine]()
        for protocol, silence in {(one.protocol, one.silence) for one in transcripts}:
            options = ProviderOptions(
                provider="openai",
                model="gpt-test",
                api_key="k",
                base_url=player.url,
                api=protocol,
                silence=silence,
                transport=transport,
            )
            opened = open_engine(options, Limits(silence=_PATIENCE, retries=1), TOOLS)
            engines[protocol, silence] = await stack.enter_async_context(opened)
        yield Observer(transport, player, engines)


def _stream(transcript: Transcript, engine: Engine, voice: Ear | None) -> AsyncGenerator[Any]:
    """Ask the model for one answer, as the runner does."""
    events = _model(transcript, engine, voice).stream_response(
        "Be brief.",
        [*_GIVEN],
        _SETTINGS,
        [],
        AgentOutputSchema(Weather) if transcript.schema else None,
        [],
        ModelTracing.DISABLED,
        previous_response_id=None,
        conversation_id=None,
        prompt=None,
    )
    return cast("AsyncGenerator[Any]", events)


def _model(transcript: Transcript, engine: Engine, voice: Ear | None) -> Model:
    return engine._models.model_for(_job(transcript), PERSONAS["tester"], voice)


def _job(transcript: Transcript) -> Job:
    tester = PERSONAS["tester"]
    who, turn, others = Principal("owner"), Turn("hi"), {tester.slug: tester}
    return Job("run_1", transcript.name, who, tester, turn, "gpt-test", others=others)
