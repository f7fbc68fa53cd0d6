"""Opens traces: the one provider of the process, its sampler, its queue and its exporter."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from opentelemetry import propagate, trace
from opentelemetry.instrumentation.aiohttp_server import AioHttpServerInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider

import assistant
from assistant import tracing
from assistant.errors import SettingsError
from assistant.settings import TelemetrySettings
from assistant.telemetry.redaction import redact
from assistant.telemetry.traces.cleaning import Cleaner
from assistant.telemetry.traces.collector import collector_of
from assistant.telemetry.traces.exporting import Exporter
from assistant.telemetry.traces.facts import Facts
from assistant.telemetry.traces.queueing import Batching, SpanQueue
from assistant.telemetry.traces.sampling import WorthRecording

# The thread must have ended before the interpreter does: to end a thread within foreign code, as
# that does to daemons, can abort the process. So it has half a second to notice.
_LAST_SECONDS, _WAIT_SECONDS = 1.5, 2


@contextmanager
def open_traces(
    settings: TelemetrySettings, endpoint: str, role: Literal["server", "worker"]
) -> Iterator[None]:
    """Record spans in this process and send them to a collector, until the block ends.

    The applications that are made within have a span for each request. What waits at the end has
    two seconds.

    Raises:
        SettingsError: when this process records traces already, or did: OpenTelemetry knows one
            provider in a process, for good.
    """
    if tracing.is_on():
        detail = (
            "OTEL_EXPORTER_OTLP_ENDPOINT: traces can be opened once in a process; start another"
        )
        raise SettingsError(detail)
    limits = _limits()
    captures = settings.captures_content
    cleaner = Cleaner(limits.max_span_attribute_length, captures=captures)
    exporter = Exporter(collector_of(settings, endpoint), cleaner.clean)
    queue = SpanQueue(exporter.send, _batching(settings))
    provider = provider_of(exporter, queue, limits, _resource(role))
    trace.set_tracer_provider(provider)
    propagate.set_global_textmap(tracing.PROPAGATOR)
    requests = AioHttpServerInstrumentor()
    with warnings.catch_warnings():
        # It makes a subclass of web.Application, which aiohttp discourages.
        warnings.simplefilter("ignore", DeprecationWarning)
        requests.instrument()
    try:
        yield
    finally:
        requests.uninstrument()
        exporter.hurry(_LAST_SECONDS)
        queue.close(_WAIT_SECONDS)


def provider_of(
    exporter: Exporter, queue: SpanQueue, limits: SpanLimits, resource: Resource
) -> TracerProvider:
    """Return a provider of spans that go into a queue, which an exporter empties."""

    def is_hopeless() -> bool:
        return queue.is_full() or (exporter.is_stuck() and queue.has_a_batch())

    provider = TracerProvider(resource=resource, shutdown_on_exit=False, span_limits=limits)
    # The provider has read the standard variables for the sampler inside.
    provider.sampler = WorthRecording(provider.sampler, is_hopeless)
    provider.add_span_processor(Facts())
    provider.add_span_processor(queue)
    return provider


def _batching(settings: TelemetrySettings) -> Batching:
    return Batching(
        settings.otel_bsp_max_queue_size,
        settings.otel_bsp_max_export_batch_size,
        settings.otel_bsp_schedule_delay / 1000,
    )


def _resource(role: str) -> Resource:
    ours = {"service.version": assistant.__version__, "process.role": role}
    made = Resource.create({**ours, "process.pid": os.getpid()})
    # OTEL_RESOURCE_ATTRIBUTES may say anything, and a command line may hold a secret.
    kept = {k: v for k, v in made.attributes.items() if not k.startswith("process.command")}
    return Resource(redact(kept), made.schema_url)


def _limits() -> SpanLimits:
    try:
        return SpanLimits()
    except ValueError as error:
        # It says which variable of OpenTelemetry's it is, and what is wrong with it.
        raise SettingsError(str(error)) from None
