"""OpenTelemetry's variables, from the environment and the .env file alike."""

from __future__ import annotations

import os
from collections.abc import Mapping

_DEFAULTS = {
    "OTEL_SERVICE_NAME": "persona-assistant",
    # The stable names of attributes; without it, those of years ago.
    "OTEL_SEMCONV_STABILITY_OPT_IN": "http,database",
    # A span holds its attributes in memory until it is sent.
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "65536",
    # What asks every few seconds would bury what people do.
    "OTEL_PYTHON_AIOHTTP_SERVER_EXCLUDED_URLS": "^/health,^/metrics$",
}
_GENERAL, _OF_TRACES = "OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_TRACES_"
_OF_BOTH = (
    *("HEADERS", "TIMEOUT", "COMPRESSION"),
    *("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"),
)


def with_telemetry(environment: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return variables in which those for traces alone stand for the general ones.

    What OpenTelemetry's own parts read goes into this process's environment, where it is not set
    (empty is not set). Where spans go is none of that, and its headers are no child process's
    business.
    """
    given = {k: v for k, v in environment.items() if k.startswith("OTEL_") and v}
    for name, value in {**_DEFAULTS, **given}.items():
        if not name.startswith(_GENERAL):
            os.environ[name] = os.environ.get(name) or value
    own = {_GENERAL + n: given[_OF_TRACES + n] for n in _OF_BOTH if _OF_TRACES + n in given}
    return {**environment, **own}
