"""Instruments as the table declares them: recordings go nowhere until somebody measures."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from typing_extensions import override

from assistant.metrics.labels import Label

Reading = tuple[float, Mapping[str, str]]
Source = Callable[[], Iterable[Reading]]

_MOST_ZEROS = 32


class Instrument:
    """One row of the table.

    Recordings give labels by their words, without those that do not apply.

    Attributes:
        name: dotted, without unit; Prometheus' name is made of both.
        unit: by UCUM, in which words in braces say what is counted.
    """

    def __init__(
        self,
        name: str,
        unit: str,
        description: str,
        labels: Sequence[Label] = (),
        *,
        buckets: Sequence[float] = (),
    ) -> None:
        self.name = name
        self.unit = unit
        self.description = description
        self.labels = tuple(labels)
        self.buckets = tuple(buckets)
        self._by_word = {label.word: label for label in labels}
        self._live: Any = None

    def begin(self, meter: Meter) -> None:
        """Record with a meter from now on."""
        raise NotImplementedError

    def end(self) -> None:
        """Record nothing any more."""
        self._live = None

    def attributes(self, given: Mapping[str, str | None]) -> dict[str, str]:
        """Return labels as they are recorded: by their keys, with known values only.

        Raises:
            KeyError: when the table has no label by that word; a fault of ours.
        """
        return {
            (label := self._by_word[word]).key: label.bounded(value)
            for word, value in given.items()
            if value is not None
        }


class Counter(Instrument):
    """Counts what happens; begins with 0 where all label values are known, so that one shows."""

    @override
    def begin(self, meter: Meter) -> None:
        self._live = meter.create_counter(self.name, self.unit, self.description)
        for attributes in self._zeros():
            self._live.add(0, attributes)

    def add(self, amount: float = 1, **labels: str | None) -> None:
        """Count some more."""
        if self._live is not None:
            self._live.add(amount, self.attributes(labels))

    def _zeros(self) -> Iterator[dict[str, str]]:
        sets = [[(label.key, value) for value in label.values] for label in self.labels]
        combinations = [dict(each) for each in itertools.product(*sets)]
        if all(label.is_closed for label in self.labels) and len(combinations) <= _MOST_ZEROS:
            yield from combinations


class Level(Instrument):
    """Counts what is there now, up and down."""

    @override
    def begin(self, meter: Meter) -> None:
        self._live = meter.create_up_down_counter(self.name, self.unit, self.description)
        for label in self.labels[:1]:
            for value in label.values:
                self._live.add(0, {label.key: value})

    def add(self, amount: float, **labels: str | None) -> None:
        """Count up, or down by a negative amount."""
        if self._live is not None:
            self._live.add(amount, self.attributes(labels))


class Histogram(Instrument):
    """Says how values are spread over buckets."""

    @override
    def begin(self, meter: Meter) -> None:
        self._live = meter.create_histogram(
            self.name,
            self.unit,
            self.description,
            explicit_bucket_boundaries_advisory=self.buckets,
        )

    def record(self, value: float, **labels: str | None) -> None:
        """Take one value."""
        if self._live is not None:
            # Where it spans two machines, their clocks may disagree.
            self._live.record(max(value, 0), self.attributes(labels))


class _Read(Instrument):
    """Is read when somebody asks, from whoever knows; absent where nobody does."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._sources: list[Source] = []

    @contextmanager
    def read_from(self, source: Source) -> Iterator[None]:
        """Have values read from a source within; it is quick, and may be asked in any thread."""
        self._sources.append(source)
        try:
            yield
        finally:
            self._sources.remove(source)

    def _observe(self, _options: CallbackOptions) -> Iterator[Observation]:
        for source in self._sources:
            for value, labels in source():
                yield Observation(value, self.attributes(labels))


class Gauge(_Read):
    """A value that goes up and down."""

    @override
    def begin(self, meter: Meter) -> None:
        self._live = meter.create_observable_gauge(
            self.name, [self._observe], self.unit, self.description
        )


class Total(_Read):
    """A count that somebody else keeps."""

    @override
    def begin(self, meter: Meter) -> None:
        self._live = meter.create_observable_counter(
            self.name, [self._observe], self.unit, self.description
        )
