"""Metrics as Prometheus reads them: the table's instruments, recorded while this is open."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import accumulate
from typing import get_args

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from typing_extensions import override

import assistant
from assistant.metrics import TABLE, parts
from assistant.metrics.instruments import Histogram, Reading
from assistant.telemetry import logs, redaction, traces
from assistant.telemetry.traces.tally import Reason

_NAME = "assistant"


class Measures:
    """What is recorded, for whoever asks."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return everything in the best format that an `Accept` header names, and its type.

        It takes some milliseconds: not for the event loop.
        """
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _Histograms(Collector):
    """Tells the table's histograms, which OpenTelemetry can be told of by single values only."""

    @override
    def collect(self) -> Iterator[HistogramMetricFamily]:
        for row in TABLE:
            if isinstance(row, Histogram) and row.spreads():
                yield _family(row)


def _family(row: Histogram) -> HistogramMetricFamily:
    """Return a histogram by the same names as the exporter gives to all others."""
    spreads = [(dict(series), spread) for series, spread in row.spreads()]
    keys = sorted({key for labels, _ in spreads for key in labels})
    family = HistogramMetricFamily(
        row.name.replace(".", "_"),
        row.description,
        labels=[key.replace(".", "_") for key in keys],
        unit="seconds" if row.unit == "s" else "",
    )
    bounds = [*map(str, row.buckets), "+Inf"]
    for labels, spread in spreads:
        buckets = list(zip(bounds, accumulate(spread.counts), strict=True))
        family.add_metric([labels.get(key, "") for key in keys], buckets, spread.sum)
    return family


_open: list[Measures] = []


@contextmanager
def open_metrics() -> Iterator[Measures]:
    """Record the table's instruments within; where that is so already, yield the same again.

    The provider is not the process's global one: the instrumentation packages would record their
    own idea of what the table has.
    """
    if _open:
        yield _open[0]
        return
    registry = CollectorRegistry()
    with ExitStack() as stack:
        reader = PrometheusMetricReader(scope_info_enabled=False, registry=registry)
        provider = MeterProvider(
            [reader],
            Resource.create({"service.version": assistant.__version__}),
            # Prometheus' exporter has no place for exemplars.
            exemplar_filter=AlwaysOffExemplarFilter(),
            shutdown_on_exit=False,
        )
        stack.callback(provider.shutdown)
        ProcessCollector(registry=registry)
        registry.register(_Histograms())
        meter = provider.get_meter(_NAME)
        for instrument in TABLE:
            instrument.begin(meter)
            stack.callback(instrument.end)
        _read_ourselves(stack)
        _open.append(Measures(registry))
        stack.callback(_open.clear)
        yield _open[0]


def _read_ourselves(stack: ExitStack) -> None:
    """Have telemetry's own counts read where they are kept."""
    # Reads the policy, unless somebody has: at the start, not within the first request.
    redaction.counts()
    stack.enter_context(parts.BUILD.read_from(_build))
    stack.enter_context(parts.REDACTIONS.read_from(_redacted))
    stack.enter_context(parts.DROPPED.read_from(_dropped))
    stack.enter_context(parts.EXPORTED.read_from(_exported))


def _build() -> Iterator[Reading]:
    build = {"version": assistant.__version__, "python": platform.python_version()}
    for label in parts.BUILD.labels:
        label.admit([build[label.word]])
    yield 1, build


def _redacted() -> Iterator[Reading]:
    counts = redaction.counts()
    parts.REDACTED.admit(counts)
    for kind, count in counts.items():
        yield count, {"kind": kind}


def _dropped() -> Iterator[Reading]:
    yield logs.dropped_lines(), {"signal": "log", "reason": "unwritable"}
    lost = traces.dropped()
    for reason in get_args(Reason):
        yield lost.get(reason, 0), {"signal": "span", "reason": reason}


def _exported() -> Iterator[Reading]:
    yield traces.exported(), {}
