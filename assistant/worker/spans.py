"""The span of an attempt: where it stands in the run's trace, how long it waited, how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry import trace
from opentelemetry.trace import SpanKind

from assistant import tracing
from assistant.engine import Checkpoint, Job
from assistant.events import RunFailed, Terminal
from assistant.models import now
from assistant.store import Claim, status_of

OUTCOME = "assistant.outcome"
RESUMED = "assistant.resumed"
TAKEN_OVER = "assistant.taken_over"
_NANOSECONDS = 1_000_000  # in a millisecond


def attempt(claim: Claim) -> AbstractContextManager[None]:
    """Make the span of an attempt, with that of its wait before it.

    It goes on with the run's trace, whatever this process was doing when it claimed the run.
    Until `conclude` says otherwise, the run is left to whoever comes after.
    """
    return _attempt(claim) if tracing.is_on() else nullcontext()


@contextmanager
def _attempt(claim: Claim) -> Iterator[None]:
    run = claim.run
    known = {**run.facts, tracing.CORRELATION_ID: run.correlation_id}
    within = tracing.with_facts(
        known | {tracing.ATTEMPT: claim.attempt}, tracing.context_of(run.trace)
    )
    taken_over = claim.attempt > 1 and not claim.resumed
    with tracing.span(
        "attempt",
        SpanKind.CONSUMER,
        within=within,
        attributes={RESUMED: claim.resumed, TAKEN_OVER: taken_over, OUTCOME: "left"},
    ):
        _tell_wait(claim)
        yield


def conclude(terminal: Terminal | None) -> None:
    """Tell how the run ended, on the attempt's span; None says that it waits for a decision."""
    outcome = "waiting" if terminal is None else status_of(terminal)
    trace.get_current_span().set_attribute(OUTCOME, outcome)
    if isinstance(terminal, RunFailed):
        tracing.fail(trace.get_current_span(), terminal.code)


def go_on(checkpoint: Checkpoint) -> None:
    """Link the attempt to the one before, which made the checkpoint."""
    tracing.link(checkpoint.trace)


def answer(job: Job) -> None:
    """Link the attempt to the requests that decided what it goes on with."""
    waited = {ours for ours, _ in job.checkpoint.calls.values()} if job.checkpoint else set()
    tracing.link(*(made.trace for call, made in job.decisions.items() if call in waited))


def _tell_wait(claim: Claim) -> None:
    again = claim.attempt > 1 or claim.resumed
    accepted = round(claim.run.created_at.timestamp() * 1000)
    begun = claim.queued_at if again else accepted
    if begun:
        ended = max(begun, round(now().timestamp() * 1000))
        waited = tracing.TRACER.start_span("queue", start_time=begun * _NANOSECONDS)
        waited.end(ended * _NANOSECONDS)
