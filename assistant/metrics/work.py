"""What is measured of runs: their queue, answers, tools, and the approvals they wait for."""

from __future__ import annotations

from assistant.metrics.instruments import Counter, Gauge, Histogram
from assistant.metrics.labels import UNKNOWN, closed, named

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640)
_FIRST = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 40)
_HUMAN = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)

ERROR = closed(
    "error",
    *("model_rejected", "model_auth", "model_forbidden", "model_not_found", "model_quota"),
    *("model_rate_limited", "model_unavailable", "model_timeout", "model_nonsense", "model_cut"),
    *("model_unreachable", "model_failed", "model_filtered", "model_error", "too_many_steps"),
    *("too_many_attempts", "deadline_exceeded", "persona_gone", "internal", "cancelled"),
    key="error.type",
    other=UNKNOWN,
)
"""Codes by which runs and model calls fail."""
PERSONA = named("persona", 50)
TOOL = named("tool", 100, key="gen_ai.tool.name")
_STATUS = closed("outcome", "completed", "failed", "cancelled")

RUNS = Counter("assistant.runs", "{run}", "Runs that ended, by how.", (PERSONA, _STATUS, ERROR))
RUN_DURATION = Histogram(
    "assistant.run.duration",
    "s",
    "From the acceptance of a run to its end, waiting included.",
    (PERSONA, _STATUS),
    buckets=_SECONDS,
)
FIRST_TOKEN = Histogram(
    "assistant.run.time_to_first_token",
    "s",
    "From the acceptance of a run to its first text, the queue included.",
    (PERSONA,),
    buckets=_FIRST,
)

QUEUE_DEPTH = Gauge(
    "assistant.queue.depth",
    "{run}",
    "Queued runs of the whole deployment, the same from every process: use max(). `ready` could "
    "begin and have no slot, `behind` wait for another run of their session.",
    (closed("state", "ready", "behind"),),
)
QUEUE_WAIT = Histogram(
    "assistant.queue.wait",
    "s",
    "From the acceptance of a run to the beginning of its first attempt.",
    buckets=(0.005, 0.01, 0.025, 0.05, *_SECONDS[1:]),
)
EXECUTING = Gauge("assistant.runs.executing", "{run}", "Runs that this process executes now.")
SLOTS = Gauge("assistant.worker.slots", "{run}", "Runs that this process executes at most.")
WORKERS = Gauge(
    "assistant.workers",
    "{process}",
    "Processes of the whole deployment that execute runs, the same from every process: use max().",
)

TAKEOVERS = Counter(
    "assistant.run.takeovers", "{run}", "Runs taken over from a process that left them."
)
LEASES_LOST = Counter(
    "assistant.run.leases_lost", "{lease}", "Runs that this process had to leave to another one."
)

TOOL_CALLS = Counter(
    "assistant.tool.calls",
    "{call}",
    "Tool calls of the model that came to an end, by how.",
    (TOOL, closed("outcome", "ok", "error", "rejected", "expired", "uncertain")),
)
TOOL_DURATION = Histogram(
    "gen_ai.execute_tool.duration",
    "s",
    "Execution of a tool, without the wait for an approval.",
    (
        closed("operation", "execute_tool", key="gen_ai.operation.name"),
        TOOL,
        closed("error", "error", "uncertain", "cancelled", key="error.type", other=UNKNOWN),
    ),
    buckets=(
        0.001,
        0.0025,
        0.005,
        0.01,
        0.02,
        0.04,
        0.08,
        0.16,
        0.32,
        0.64,
        1.28,
        2.56,
        5.12,
        10.24,
    ),
)

_BY = closed("by", "user", "role")
APPROVALS_REQUESTED = Counter(
    "assistant.approvals.requested", "{approval}", "Tool calls that asked for a yes.", (_BY,)
)
APPROVAL_WAIT = Histogram(
    "assistant.approval.wait",
    "s",
    "From the request of an approval to its decision, or to its end without one.",
    (closed("decision", "approved", "rejected", "expired"),),
    buckets=_HUMAN,
)
APPROVALS_WAITING = Gauge(
    "assistant.approvals.waiting",
    "{approval}",
    "Approvals of the whole deployment that nobody has decided, the same from every process: use "
    "max().",
)
CACHE = Counter(
    "assistant.cache.lookups",
    "{lookup}",
    "Questions whose answer may be shared: answered by an earlier run, or by one of their own.",
    (closed("result", "hit", "miss"),),
)
