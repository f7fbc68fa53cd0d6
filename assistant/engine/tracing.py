"""Bridges the Agents SDK's tracing to OpenTelemetry: spans of agents and of tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import Token
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from agents import get_current_span, set_trace_provider
from agents import trace as sdk_trace
from agents.tracing import Span as SdkSpan
from agents.tracing import Trace as SdkTrace
from agents.tracing import TracingProcessor
from agents.tracing.provider import DefaultTraceProvider
from agents.tracing.span_data import AgentSpanData, FunctionSpanData, HandoffSpanData
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span
from opentelemetry.util.types import AttributeValue
from typing_extensions import override

from assistant import tracing
from assistant.engine import content
from assistant.engine.jobs import Job
from assistant.tool import Tool

WORKFLOW = "assistant"
OUTCOME = "assistant.tool.outcome"
_HANDED_OVER_BY = "assistant.handed_over_by"
_REPLAYED = "assistant.tool.replayed"
_TRAIL = context.create_key("assistant.trail")


class _Open(NamedTuple):
    span: Span
    token: Token[Context]


@dataclass(slots=True)
class Trail:
    """What the spans of one execution have to know of it.

    Attributes:
        told: whether they may hold what was said (`gen_ai.input.messages` and its like).
        agents: what each persona is, by its name.
        speaker: the agent that has the word.
        used: its tokens, in and out.
        handed_over_by: who had the word before.
        fault: why the last model call failed, as our error code.
        cut_call: ends the span of the last model call, where it is still open.
        open: spans that have not ended, by the SDK's ids for them.
    """

    told: bool
    conversation: Mapping[str, str]
    agents: Mapping[str, str]
    speaker: str = ""
    used: tuple[int, int] = (0, 0)
    handed_over_by: str | None = None
    fault: str | None = None
    cut_call: Callable[[], None] = lambda: None
    open: dict[str, _Open] = field(default_factory=dict)

    def add(self, agent: Span, given: int, made: int) -> None:
        """Count a model call's tokens on the span of the agent that made it."""
        self.used = self.used[0] + given, self.used[1] + made
        agent.set_attribute("gen_ai.usage.input_tokens", self.used[0])
        agent.set_attribute("gen_ai.usage.output_tokens", self.used[1])


class Bridge(TracingProcessor):
    """Makes a span of each agent and tool that the SDK tells of.

    The SDK calls it in the task that does the work, so that what happens within, such as a query
    of a tool's, belongs to the span. Model calls have their spans from `calls`, which knows more of
    them than the SDK tells.
    """

    @override
    def on_trace_start(self, trace: SdkTrace) -> None:
        """Do nothing: an attempt is the worker's to tell of."""

    @override
    def on_trace_end(self, trace: SdkTrace) -> None:
        """End what an execution that was cut short has left open."""
        trail = trail_of()
        if trail is not None:
            trail.cut_call()
            while trail.open:
                trail.open.popitem()[1].span.end()

    @override
    def on_span_start(self, span: SdkSpan[Any]) -> None:
        """Begin an agent's span; a tool's begins with its call, for which a human may be asked."""
        trail = trail_of()
        if trail is not None and isinstance(span.span_data, AgentSpanData):
            name = span.span_data.name
            _open(trail, span.span_id, f"invoke_agent {name}", _agent(trail, name))

    @override
    def on_span_end(self, span: SdkSpan[Any]) -> None:
        """End the span, if it has begun."""
        trail, data = trail_of(), span.span_data
        if trail is None:
            return
        if isinstance(data, HandoffSpanData):
            trail.handed_over_by = data.from_agent
        if isinstance(data, AgentSpanData):
            # Where the runner was stopped, its model call ends only some time after it.
            trail.cut_call()
        ended = trail.open.pop(span.span_id, None)
        if ended is not None:
            _finish(ended.span, span, trail)
            tracing.let_go(ended.token)
            ended.span.end()

    @override
    def shutdown(self) -> None:
        """Do nothing: the spans' own provider is shut down by who opened it."""

    @override
    def force_flush(self) -> None:
        """Do nothing, for the same reason."""


def install() -> None:
    """Have the SDK tell of its spans here, or nowhere; never to OpenAI, as it does by itself."""
    # The SDK's own provider would first make a client for OpenAI, with all certificates read.
    provider = DefaultTraceProvider()
    provider.set_processors([Bridge()] if tracing.is_on() else [])
    if tracing.is_on():
        provider.set_disabled(disabled=False)
    set_trace_provider(provider)


def following(job: Job, *, told: bool) -> AbstractContextManager[None]:
    """Trace what the SDK does within, for a job."""
    return _following(job, told=told) if tracing.is_on() else nullcontext()


@contextmanager
def _following(job: Job, *, told: bool) -> Iterator[None]:
    conversation = {tracing.CONVERSATION_ID: job.session_id} if job.session_id else {}
    agents = {slug: persona.file.description for slug, persona in job.others.items()}
    trail = Trail(told, conversation, agents)
    token = context.attach(context.set_value(_TRAIL, trail))
    try:
        # Ours, so that it ends also where the runner's own end is cut short.
        with sdk_trace(WORKFLOW, group_id=job.session_id):
            yield
    finally:
        tracing.let_go(token)


def settings(*, told: bool) -> dict[str, Any]:
    """Return what the SDK's runner is to be told of tracing."""
    return {
        "tracing_disabled": not tracing.is_on(),
        "trace_include_sensitive_data": told,
        "tracing": {"include_task_and_turn_spans": False},
    }


def trail_of() -> Trail | None:
    """Return what is known of the execution that is going on here."""
    found = context.get_value(_TRAIL)
    return found if isinstance(found, Trail) else None


def begin_tool(tool: Tool[Any], call_id: str) -> None:
    """Begin the span of a call; it ends when the SDK says that the call has returned."""
    trail, sdk_span = trail_of(), get_current_span()
    if trail is None or sdk_span is None:
        return
    known = _tool(trail, tool.name) | {
        "gen_ai.tool.call.id": content.name(call_id),
        "gen_ai.tool.description": tool.description,
    }
    _open(trail, sdk_span.span_id, f"execute_tool {tool.name}", known)


def conclude(outcome: str) -> None:
    """Tell on the tool's span how the call ended."""
    trace.get_current_span().set_attribute(OUTCOME, outcome)


def refuse(kind: str) -> None:
    """Tell on the tool's span why the call did not do what it was to do."""
    tracing.fail(trace.get_current_span(), kind)


def decline(tool: str, decision: str) -> None:
    """Tell of a call that was not made, on the span of the attempt that had asked for it."""
    known = {"gen_ai.tool.name": tool, OUTCOME: decision}
    trace.get_current_span().add_event("assistant.tool.declined", known)


def replay() -> None:
    """Tell on the tool's span that it was done before, and is not done again."""
    trace.get_current_span().set_attribute(_REPLAYED, True)  # noqa: FBT003 - a value


def _open(trail: Trail, sdk_id: str, name: str, attributes: Mapping[str, AttributeValue]) -> None:
    if sdk_id not in trail.open:
        begun = tracing.TRACER.start_span(name, attributes=attributes)
        token = context.attach(trace.set_span_in_context(begun))
        trail.open[sdk_id] = _Open(begun, token)


def _agent(trail: Trail, name: str) -> dict[str, AttributeValue]:
    known: dict[str, AttributeValue] = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": name,
        "gen_ai.agent.description": trail.agents.get(name, ""),
        **trail.conversation,
    }
    if trail.handed_over_by is not None:
        known[_HANDED_OVER_BY] = trail.handed_over_by
    trail.speaker, trail.used = name, (0, 0)
    trail.handed_over_by = trail.fault = None
    return known


def _tool(trail: Trail, name: str) -> dict[str, AttributeValue]:
    return {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": name,
        "gen_ai.tool.type": "function",
        "gen_ai.agent.name": trail.speaker,
        **trail.conversation,
    }


def _finish(ended: Span, span: SdkSpan[Any], trail: Trail) -> None:
    data = span.span_data
    if isinstance(data, AgentSpanData) and span.error is not None:
        tracing.fail(ended, trail.fault or "_OTHER")
    if isinstance(data, FunctionSpanData) and trail.told:
        if data.input is not None:
            ended.set_attribute("gen_ai.tool.call.arguments", content.as_json(data.input))
        if data.output is not None:
            ended.set_attribute("gen_ai.tool.call.result", content.as_text(data.output))
