"""Which traces are recorded: as the standard variables say, and not what nobody could receive."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes
from typing_extensions import override

from assistant.telemetry.traces.tally import count_dropped


class WorthRecording(Sampler):
    """Asks another sampler, but for what is not worth a span.

    A call to Redis or a database outside of any trace comes from a background loop; alone it
    tells nothing. And where the collector takes no more, a new trace would only be lost piece by
    piece: it is not begun, which costs nothing and leaves whole traces instead of torn ones.

    Args:
        chosen: the sampler that the operator chose.
        is_hopeless: whether what is recorded now would most likely be lost.
    """

    def __init__(self, chosen: Sampler, is_hopeless: Callable[[], bool]) -> None:
        self._chosen = chosen
        self._is_hopeless = is_hopeless

    @override
    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        parent = get_current_span(parent_context).get_span_context()
        if kind is SpanKind.CLIENT and not parent.is_valid:
            return SamplingResult(Decision.DROP)
        result = self._chosen.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )
        begins = not parent.is_valid or parent.is_remote
        if begins and result.decision is not Decision.DROP and self._is_hopeless():
            count_dropped("not_begun")
            return SamplingResult(Decision.DROP, trace_state=result.trace_state)
        return result

    @override
    def get_description(self) -> str:
        return f"WorthRecording{{{self._chosen.get_description()}}}"
