"""What is measured of calls to a model, by the conventions for generative AI."""

from __future__ import annotations

from assistant.metrics.instruments import Histogram
from assistant.metrics.labels import UNKNOWN, closed, named
from assistant.metrics.work import ERROR

# The buckets that the conventions recommend.
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_FIRST = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75),
    *(1.0, 2.5, 5.0, 7.5, 10.0),
)
_EACH = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
_TOKENS = tuple(4**power for power in range(14))

MODEL = named("model", 20, key="gen_ai.request.model")
_CALL = (
    closed("operation", "chat", key="gen_ai.operation.name", other=UNKNOWN),
    closed("provider", "openai", "local", "demo", key="gen_ai.provider.name", other=UNKNOWN),
    MODEL,
)

CALL_DURATION = Histogram(
    "gen_ai.client.operation.duration",
    "s",
    "Calls of the model, each try for itself.",
    (*_CALL, ERROR),
    buckets=_SECONDS,
)
FIRST_CHUNK = Histogram(
    "gen_ai.client.operation.time_to_first_chunk",
    "s",
    "From a call of the model to the first piece of its answer.",
    _CALL,
    buckets=_FIRST,
)
TOKEN_TIME = Histogram(
    "assistant.model.time_per_output_token",
    "s",
    "Mean time between two tokens of a whole answer of the model, after its first piece.",
    _CALL,
    buckets=_EACH,
)
TOKENS = Histogram(
    "gen_ai.client.token.usage",
    "{token}",
    "Tokens of a call of the model, as its provider counts them.",
    (*_CALL, closed("type", "input", "output", key="gen_ai.token.type")),
    buckets=_TOKENS,
)
