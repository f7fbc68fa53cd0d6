"""Makes a span of each call to a model, by the GenAI conventions, whichever model it is."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Self

from agents import ModelSettings
from agents.models.fake_id import FAKE_RESPONSES_ID
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import Response
from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind
from opentelemetry.util.types import AttributeValue

from assistant import tracing
from assistant.engine import content, faults
from assistant.engine.measuring import measured
from assistant.engine.tracing import Trail, trail_of

_FINISH = "gen_ai.response.finish_reasons"
_REASONS = {"tool_calls": "tool_call", "function_call": "tool_call", "max_output_tokens": "length"}
_MADE_UP = frozenset({FAKE_RESPONSES_ID, "demo"})


@dataclass(frozen=True, slots=True)
class Service:
    """Where a model is asked.

    Attributes:
        provider: as the conventions name it, or as we do where they have no name for it.
        api: which of OpenAI's protocols it speaks; empty for none.
    """

    provider: str
    address: str | None = None
    port: int | None = None
    api: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a model is asked, as far as spans tell of it."""

    service: Service
    model: str
    instructions: str | None
    given: Any
    settings: ModelSettings

    @classmethod
    def of(cls, service: Service, model: str, *args: Any, **kwargs: Any) -> Self:
        """Take it from what the SDK gives any model, by place or by name."""
        names = ("system_instructions", "input", "model_settings")
        known = dict(zip(names, args, strict=False)) | kwargs
        settings = known.get("model_settings") or ModelSettings()
        return cls(service, model, known.get("system_instructions"), known.get("input"), settings)


def watched(events: AsyncGenerator[Any], asked: Asked) -> AsyncGenerator[Any]:
    """Return the events of a model's answer, measured, with a span round their making."""
    events = measured(events, asked.service.provider, asked.model)
    return _watched(events, asked) if tracing.is_on() else events


def tell_chunk(chunk: ChatCompletionChunk) -> None:
    """Tell on the call's span whose answer it is; the SDK's events have lost that."""
    known = {
        "gen_ai.response.id": chunk.id,
        "gen_ai.response.model": chunk.model,
        "openai.response.service_tier": chunk.service_tier,
        "openai.response.system_fingerprint": chunk.system_fingerprint,
    }
    told = {key: content.name(str(text)) for key, text in known.items() if text}
    trace.get_current_span().set_attributes(told)


def tell_finish(reason: str) -> None:
    """Tell on the call's span why its answer ended."""
    told = content.name(_REASONS.get(str(reason), str(reason)))
    trace.get_current_span().set_attribute(_FINISH, [told])


async def _watched(events: AsyncGenerator[Any], asked: Asked) -> AsyncGenerator[Any]:
    call = _Call(asked)
    here = trace.set_span_in_context(call.span)
    try:
        async with aclosing(events):
            while True:
                # Only while the model is waited for: what the runner does with an event is no
                # part of the call.
                token = context.attach(here)
                try:
                    event = await anext(events)
                except StopAsyncIteration:
                    return
                finally:
                    tracing.let_go(token)
                call.hear(event)
                yield event
    except Exception as error:
        call.fail(error)
        raise
    finally:
        call.cut()


class _Call:
    """One call to a model: its span, from the question to the end of the answer."""

    def __init__(self, asked: Asked) -> None:
        self._begun = time.monotonic()
        self._waiting = True
        self._trail: Trail | None = trail_of()
        self._agent = trace.get_current_span()
        self.span: Span = tracing.TRACER.start_span(
            f"chat {asked.model}", kind=SpanKind.CLIENT, attributes=_place(asked.service)
        )
        request = _request(asked)
        self.span.set_attributes(
            {"gen_ai.operation.name": "chat", "gen_ai.request.stream": True, **request}
        )
        if self._trail is not None:
            self._trail.cut_call = self.cut
            self.span.set_attributes(self._trail.conversation)
            self._agent.set_attributes(request)
        # Nobody sees it where the span is not recorded.
        self._told = bool(self._trail and self._trail.told and self.span.is_recording())
        if self._told:
            self._tell_question(asked)

    def hear(self, event: Any) -> None:
        """Take one of the SDK's events."""
        if self._waiting:
            self._waiting = False
            waited = time.monotonic() - self._begun
            self.span.set_attribute("gen_ai.response.time_to_first_chunk", waited)
        if event.type == "response.completed":
            # What a server has left out is the runner's to judge, and not told here.
            with suppress(AttributeError, TypeError, ValueError):
                self._take(event.response)
            # Here, as whoever listens may never ask for what comes after the last event.
            self.span.end()

    def cut(self) -> None:
        """End the span of a call whose answer nobody waits for any more."""
        if self.span.is_recording():
            self.span.set_attribute(_FINISH, ["error"])
            self.span.end()
            if self._trail is not None and self._agent.is_recording():
                self._agent.set_attribute(_FINISH, ["error"])

    def fail(self, error: Exception) -> None:
        """Say why there is no answer."""
        fault = faults.explain(error)
        kind = fault.code if fault else type(error).__name__
        if self.span.is_recording():
            tracing.fail(self.span, kind)
        if self._trail is not None:
            self._trail.fault = kind

    def _tell_question(self, asked: Asked) -> None:
        self.span.set_attribute("gen_ai.input.messages", content.input_messages(asked.given))
        if asked.instructions:
            said = content.system_instructions(asked.instructions)
            self.span.set_attribute("gen_ai.system_instructions", said)

    def _take(self, answer: Response) -> None:
        known = _response(answer)
        if self._trail is not None:
            self._agent.set_attribute(_FINISH, known[_FINISH])
        if answer.id == FAKE_RESPONSES_ID:
            # Of Chat Completions, where the chunks have told.
            known.pop(_FINISH)
        self.span.set_attributes(known)
        if self._told:
            said = content.output_messages(answer.output)
            self.span.set_attribute("gen_ai.output.messages", said)
        if self._trail is not None and answer.usage is not None:
            used = answer.usage
            self._trail.add(self._agent, used.input_tokens, used.output_tokens)


def _request(asked: Asked) -> dict[str, AttributeValue]:
    settings = asked.settings
    known = {
        "gen_ai.request.model": asked.model,
        "gen_ai.request.max_tokens": settings.max_tokens,
        "gen_ai.request.temperature": settings.temperature,
        "gen_ai.request.top_p": settings.top_p,
    }
    return {key: value for key, value in known.items() if value is not None}


def _place(service: Service) -> dict[str, AttributeValue]:
    known: dict[str, AttributeValue] = {"gen_ai.provider.name": service.provider}
    if service.address is not None and service.port is not None:
        known |= {"server.address": service.address, "server.port": service.port}
    return known | ({"openai.api.type": service.api} if service.api else {})


def _response(answer: Response) -> dict[str, AttributeValue]:
    cut = answer.incomplete_details.reason if answer.incomplete_details else None
    calls = any(item.type == "function_call" for item in answer.output)
    reason = _REASONS.get(cut, cut) if cut else "tool_call" if calls else "stop"
    known: dict[str, AttributeValue] = {_FINISH: [reason]}
    if answer.id not in _MADE_UP:
        known["gen_ai.response.id"] = content.name(answer.id)
    if answer.id != FAKE_RESPONSES_ID:
        known["gen_ai.response.model"] = content.name(answer.model)
    if answer.service_tier and answer.id not in _MADE_UP:
        known["openai.response.service_tier"] = answer.service_tier
    used = answer.usage
    if used is not None:
        known["gen_ai.usage.input_tokens"] = used.input_tokens
        known["gen_ai.usage.output_tokens"] = used.output_tokens
        if cached := used.input_tokens_details.cached_tokens:
            known["gen_ai.usage.cache_read.input_tokens"] = cached
        if thought := used.output_tokens_details.reasoning_tokens:
            known["gen_ai.usage.reasoning.output_tokens"] = thought
    return known
