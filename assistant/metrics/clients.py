"""What is measured of clients: their requests, their streams, and how they come back."""

from __future__ import annotations

from http import HTTPStatus

from assistant.metrics.instruments import Counter, Histogram, Level
from assistant.metrics.labels import UNKNOWN, closed, named

ROUTE = named("route", 100, "(none)", key="http.route")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
_FAILURES = ("internal", "store_unavailable", "overloaded", "draining", "sign_in_unavailable")

REQUESTS = Histogram(
    "http.server.request.duration",
    "s",
    "HTTP requests; that of a stream or socket lasts as long as it does. Without a status the "
    "client left before the answer.",
    (
        closed("method", *_METHODS, key="http.request.method", other=UNKNOWN),
        ROUTE,
        closed("status", *(str(s.value) for s in HTTPStatus), key="http.response.status_code"),
        closed("scheme", "http", "https", key="url.scheme", other=UNKNOWN),
        closed("error", *_FAILURES, "model_failed", "client_left", key="error.type", other=UNKNOWN),
    ),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
)

_KIND = closed("kind", "sse", "websocket", "json")
STREAMS = Level(
    "assistant.streams.open",
    "{stream}",
    "Connections of this process that follow a run, or wait for its whole answer.",
    (_KIND,),
)
STREAMS_DROPPED = Counter(
    "assistant.streams.dropped",
    "{stream}",
    "Connections dropped because the client did not read.",
    (closed("kind", "sse", "websocket"),),
)
RESUME_GAP = Histogram(
    "assistant.stream.resume.gap",
    "{entry}",
    "Entries of a log that a client which comes back by its last number had missed; its count is "
    "how many came back. A page of 2000 is the most that is counted.",
    buckets=(0, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2000),
)
